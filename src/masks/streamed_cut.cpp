#include "masks/streamed_cut.h"

#include <ATen/Parallel.h>
#include <torch/types.h>
#include <torch/utils.h>

#include <atomic>
#include <limits>
#include <mutex>
#include <type_traits>
#include <vector>

#include "masks/cut.h"
#include "masks/mask_writer.h"

namespace coppice::masks {
namespace {

using kernels::Cut;
using kernels::Order;
using kernels::order_key;

constexpr int kBits = 16;
constexpr int64_t kBins = int64_t(1) << kBits;
constexpr int64_t kCountGrain = int64_t(1) << 18;

template <class Float>
using KeyOf = decltype(order_key(Float(), Order::kValue));

template <class Float>
constexpr int kPasses = static_cast<int>(sizeof(Float) * 8 / kBits);

template <class Float>
constexpr KeyOf<Float> kInfinity = sizeof(Float) == sizeof(float)
    ? static_cast<KeyOf<Float>>(kernels::kInfinityKey)
    : static_cast<KeyOf<Float>>(kernels::kWideInfinityKey);

template <class Float>
torch::Tensor values_of(const torch::Tensor& scores) {
  return scores.to(c10::CppTypeToScalarType<Float>::value).contiguous();
}

/// Finds the key of a rank by radix selection, from the highest 16 bits.
template <class Float>
class RadixSearch {
 public:
  explicit RadixSearch(int64_t rank) : left_(rank) {}

  /// Errors: c10::ValueError if a value is not finite.
  void add(const Float* values, int64_t count, Order order) {
    std::mutex mutex;
    std::atomic<bool> is_finite{true};
    at::parallel_for(0, count, kCountGrain, [&](int64_t begin, int64_t end) {
      std::vector<int64_t> bins(kBins);
      const bool finite = order == Order::kMagnitude
          ? count_into<Order::kMagnitude>(bins, values + begin, end - begin)
          : count_into<Order::kValue>(bins, values + begin, end - begin);
      if (!finite) {
        is_finite = false;
      }
      const std::lock_guard lock(mutex);
      for (int64_t b = 0; b < kBins; ++b) {
        bins_[b] += bins[b];
      }
    });
    TORCH_CHECK_VALUE(
        is_finite, "expected finite values, got some that are NaN or infinite");
  }

  /// Ends a pass.
  void narrow() {
    int64_t b = 0;
    while (b + 1 < kBins && bins_[b] < left_) {
      left_ -= bins_[b++];
    }
    bits_ |= static_cast<Bits>(b) << shift_;
    known_ |= static_cast<Bits>(kBins - 1) << shift_;
    shift_ -= kBits;
    bins_.assign(kBins, 0);
  }

  /// Valid once all passes are done.
  Cut cut() const {
    return {static_cast<Key>(bits_ ^ kSign), left_};
  }

 private:
  using Key = KeyOf<Float>;
  using Bits = std::make_unsigned_t<Key>;

  /// With this bit flipped, keys sort as unsigned integers.
  static constexpr Bits kSign =
      static_cast<Bits>(std::numeric_limits<Key>::min());

  /// Returns whether every value is finite.
  template <Order kOrder>
  bool count_into(
      std::vector<int64_t>& bins,
      const Float* values,
      int64_t count) const {
    Key lowest = 0;
    Key highest = 0;
    for (int64_t i = 0; i < count; ++i) {
      const Key key = order_key(values[i], kOrder);
      const Bits bits = static_cast<Bits>(key) ^ kSign;
      bins[(bits >> shift_) & (kBins - 1)] += (bits & known_) == bits_;
      lowest = std::min(lowest, key);
      highest = std::max(highest, key);
    }
    return -kInfinity<Float> < lowest && highest < kInfinity<Float>;
  }

  int64_t left_; ///< Rank within the current radix bucket, counted from one.
  int shift_ = static_cast<int>(sizeof(Bits) * 8) - kBits;
  Bits known_ = 0; ///< The bits of `bits_` that are known.
  Bits bits_ = 0;
  std::vector<int64_t> bins_ = std::vector<int64_t>(kBins);
};

template <class Float>
Cut search(int64_t drop, Order order, const ScorePass& pass) {
  if (drop == 0) {
    return {std::numeric_limits<KeyOf<Float>>::min(), 0};
  }
  RadixSearch<Float> radix(drop);
  for (int i = 0; i < kPasses<Float>; ++i) {
    pass([&](const torch::Tensor& scores) {
      const auto values = values_of<Float>(scores);
      radix.add(values.template data_ptr<Float>(), values.numel(), order);
    });
    radix.narrow();
  }
  return radix.cut();
}

/// Subtracts the ties that it drops from `cut`.
void write_wide_mask(
    const double* values,
    int64_t count,
    Order order,
    Cut& cut,
    uint8_t* mask) {
  for (int64_t i = 0; i < count; ++i) {
    mask[i] = !cut.drops(order_key(values[i], order));
  }
}

} // namespace

torch::Tensor StreamedCut::next_mask(const torch::Tensor& scores) {
  auto mask = torch::empty(scores.sizes(), torch::kBool);
  uint8_t* const bytes = cpu::bytes_of(mask);
  const int64_t count = scores.numel();
  if (type_.is_wide) {
    const auto values = values_of<double>(scores);
    write_wide_mask(values.data_ptr<double>(), count, type_.order, cut_, bytes);
  } else {
    const auto values = values_of<float>(scores);
    cut_.ties -= cpu::write_mask(
        values.data_ptr<float>(), count, cut_, type_.order, bytes);
  }
  return mask;
}

int64_t streamed_passes(bool is_wide) {
  return is_wide ? kPasses<double> : kPasses<float>;
}

StreamedCut
find_streamed_cut(int64_t drop, ScoreType type, const ScorePass& pass) {
  return {
      type,
      type.is_wide ? search<double>(drop, type.order, pass)
                   : search<float>(drop, type.order, pass)};
}

} // namespace coppice::masks
