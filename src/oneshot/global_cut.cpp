#include "oneshot/global_cut.h"

#include <ATen/Parallel.h>
#include <torch/utils.h>

#include <atomic>
#include <cstring>
#include <mutex>

#include "coppice/masks/block.h"

namespace coppice::oneshot {
namespace {

constexpr int kBits = 16;
constexpr int64_t kBins = int64_t(1) << kBits;
constexpr int64_t kCountGrain = int64_t(1) << 18;

template <class Key>
constexpr int kPasses = static_cast<int>(sizeof(Key) * 8 / kBits);

/// Finds a key by its rank, 16 bits a pass. Numbers that are not negative have
/// the order of their bits.
template <class Key>
class RadixSearch {
 public:
  explicit RadixSearch(int64_t rank) : left_(rank) {}

  /// Errors: c10::ValueError if a number is not finite.
  void add(const Key* keys, int64_t count) {
    std::mutex mutex;
    std::atomic<bool> is_finite{true};
    at::parallel_for(0, count, kCountGrain, [&](int64_t begin, int64_t end) {
      std::vector<int64_t> bins(kBins);
      for (int64_t i = begin; i < end; ++i) {
        const Key key = keys[i] & kMagnitude;
        bins[(key >> shift_) & (kBins - 1)] += (key & known_) == key_;
      }
      const std::lock_guard lock(mutex);
      for (int64_t b = 0; b < kBins; ++b) {
        bins_[b] += bins[b];
        if (known_ == 0 && b >= kInfinity && bins[b] > 0) {
          is_finite = false;
        }
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
    key_ |= static_cast<Key>(b) << shift_;
    known_ |= static_cast<Key>(kBins - 1) << shift_;
    shift_ -= kBits;
    bins_.assign(kBins, 0);
  }

  Key key() const {
    return key_;
  }
  /// Which of the equal ones it is, counted from one.
  int64_t rank_among_equals() const {
    return left_;
  }

 private:
  static constexpr Key kMagnitude = static_cast<Key>(-1) >> 1; ///< No sign.
  /// The first 16 bits of infinity; those of NaN are no lower.
  static constexpr int64_t kInfinity = sizeof(Key) == 4 ? 0x7f80 : 0x7ff0;

  int64_t left_;
  int shift_ = static_cast<int>(sizeof(Key) * 8) - kBits;
  Key known_ = 0; ///< The bits of `key_` that are found.
  Key key_ = 0;
  std::vector<int64_t> bins_ = std::vector<int64_t>(kBins);
};

template <class Key, class Float>
GlobalCut search(int64_t drop, const ScorePass& pass) {
  static_assert(sizeof(Key) == sizeof(Float));
  constexpr auto kType = c10::CppTypeToScalarType<Float>::value;
  RadixSearch<Key> radix(drop);
  for (int i = 0; i < kPasses<Key>; ++i) {
    pass([&](const torch::Tensor& scores) {
      const auto values = scores.to(kType).contiguous();
      radix.add(
          reinterpret_cast<const Key*>(values.template data_ptr<Float>()),
          values.numel());
    });
    radix.narrow();
  }
  const Key key = radix.key();
  Float score = 0;
  std::memcpy(&score, &key, sizeof(score));
  return {static_cast<double>(score), radix.rank_among_equals()};
}

} // namespace

GlobalCut find_global_cut(int64_t drop, bool is_wide, const ScorePass& pass) {
  if (drop == 0) {
    return {};
  }
  return is_wide ? search<uint64_t, double>(drop, pass)
                 : search<uint32_t, float>(drop, pass);
}

int64_t global_passes(bool is_wide) {
  return is_wide ? kPasses<uint64_t> : kPasses<uint32_t>;
}

torch::Tensor kept_by(GlobalCut& cut, const torch::Tensor& scores) {
  // A float64 cut may lie between two float32 scores.
  const bool is_narrow = static_cast<float>(cut.score) == cut.score;
  const auto values = (is_narrow ? scores : scores.to(torch::kDouble)).abs();
  auto keep = values.gt(cut.score);
  const auto ties = values.eq(cut.score);
  const int64_t tied = ties.sum().item<int64_t>();
  if (tied <= cut.ties) {
    cut.ties -= tied;
    return keep;
  }
  const auto spared = ties.reshape(-1).nonzero().reshape(-1).slice(0, cut.ties);
  keep.view(-1).index_fill_(0, spared, 1);
  cut.ties = 0;
  return keep;
}

torch::Tensor
scores_of(const torch::Tensor& matrix, BlockShape block, Norm norm) {
  const auto values = matrix.scalar_type() == torch::kDouble
      ? matrix
      : matrix.to(torch::kFloat);
  return block.size() == 1
      ? values
      : block_scores(elementwise_norm(values, norm), block);
}

} // namespace coppice::oneshot
