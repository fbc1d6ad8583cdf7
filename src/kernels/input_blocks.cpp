#include "coppice/kernels/input_blocks.h"

#include <algorithm>

#include "coppice/kernels/flush_denormals.h"
#include "kernels/stored.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/input_blocks.cpp"
#include "hwy/foreach_target.h" // IWYU pragma: keep
// After foreach_target.h.
#include "hwy/cache_control.h"
#include "hwy/highway.h"
#include "kernels/product-inl.h"

HWY_BEFORE_NAMESPACE();
namespace coppice::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Adds one block times its inputs.
template <size_t kWidth, class D>
HWY_INLINE void
AddBlock(D d, const float* block, const float* x, hn::Vec<D>* sums) {
  constexpr size_t kLanes = hn::MaxLanes(D());
  COPPICE_UNROLL
  for (size_t v = 0; v < kWidth / kLanes; ++v) {
    const auto weights = hn::LoadU(d, block + v * kLanes);
    sums[v] = hn::MulAdd(weights, hn::LoadU(d, x + v * kLanes), sums[v]);
  }
}

/// The blocks of a row times x, all of them whole.
template <size_t kWidth>
HWY_INLINE float RowTimes(
    const float* HWY_RESTRICT values,
    const uint16_t* HWY_RESTRICT blocks,
    size_t count,
    const float* HWY_RESTRICT x) {
  using D = hn::CappedTag<float, kWidth>;
  const D d;
  constexpr size_t kVectors = kWidth / hn::MaxLanes(D());
  // A sum waits for the one before it: blocks take turns.
  constexpr size_t kSets = kVectors >= 8 ? 1 : 8 / kVectors;
  constexpr size_t kAhead = 192;
  hn::Vec<D> sums[kSets * kVectors];
  COPPICE_UNROLL
  for (size_t i = 0; i < kSets * kVectors; ++i) {
    sums[i] = hn::Zero(d);
  }
  const uint16_t* end = blocks + count;
  for (; blocks + kSets <= end; blocks += kSets) {
    COPPICE_UNROLL
    for (size_t s = 0; s < kSets; ++s) {
      if (s * kWidth % 16 == 0) {
        hwy::Prefetch(values + s * kWidth + kAhead);
      }
      AddBlock<kWidth>(
          d, values + s * kWidth, x + blocks[s] * kWidth, sums + s * kVectors);
    }
    values += kSets * kWidth;
  }
  for (; blocks < end; ++blocks, values += kWidth) {
    AddBlock<kWidth>(d, values, x + *blocks * kWidth, sums);
  }
  return SumOf(d, SumOfSets<kSets * kVectors, 1>(d, sums));
}

/// The block that the last column cuts off, if the row stores it.
float CutOffTimes(const InputBlocks& w, size_t row, const float* x) {
  const uint64_t last = w.begins[row + 1] - 1;
  const size_t first = w.blocks[last] * w.width;
  float sum = 0;
  for (size_t c = first; c < w.cols; ++c) {
    sum = MulAddOne(w.values[last * w.width + c - first], x[c], sum);
  }
  return sum;
}

template <size_t kWidth>
void MultiplyRows(
    const InputBlocks& w,
    const float* x,
    const float* bias,
    Range range,
    float* y) {
  const size_t whole = w.cols / kWidth;
  for (size_t r = range.begin; r < range.end; ++r) {
    const uint64_t begin = w.begins[r];
    const uint64_t end = w.begins[r + 1];
    const bool cut_off = begin < end && w.blocks[end - 1] == whole;
    const float start = bias ? bias[r] : 0.0f;
    const float sum = RowTimes<kWidth>(
        w.values.data() + begin * kWidth,
        w.blocks.data() + begin,
        end - begin - cut_off,
        x);
    y[r] = start + (cut_off ? sum + CutOffTimes(w, r, x) : sum);
  }
}

void InputBlocksProduct(
    const InputBlocks& w,
    const float* x,
    const float* bias,
    Range range,
    float* y) {
  const auto multiply = w.width == 4 ? &MultiplyRows<4>
      : w.width == 8                 ? &MultiplyRows<8>
                                     : &MultiplyRows<16>;
  multiply(w, x, bias, range, y);
}

} // namespace coppice::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace coppice::kernels {

HWY_EXPORT(InputBlocksProduct);

void input_blocks_product(
    const InputBlocks& w,
    const float* x,
    const float* bias,
    Range range,
    float* y) {
  const FlushDenormals flush;
  HWY_DYNAMIC_DISPATCH(InputBlocksProduct)(w, x, bias, range, y);
}

InputBlocks
pack_input_blocks(const float* w, size_t rows, size_t cols, size_t width) {
  InputBlocks packed;
  packed.rows = rows;
  packed.cols = cols;
  packed.width = width;
  packed.begins.push_back(0);
  for (size_t r = 0; r < rows; ++r) {
    for (size_t c = 0; c < cols; c += width) {
      const float* begin = w + r * cols + c;
      const float* end = begin + std::min(width, cols - c);
      if (std::any_of(begin, end, is_stored)) {
        packed.blocks.push_back(static_cast<uint16_t>(c / width));
        packed.values.insert(packed.values.end(), begin, end);
        packed.values.resize(packed.blocks.size() * width);
      }
    }
    packed.begins.push_back(packed.blocks.size());
  }
  return packed;
}

void unpack(const InputBlocks& w, float* dense) {
  std::fill(dense, dense + w.rows * w.cols, 0.0f);
  for (size_t r = 0; r < w.rows; ++r) {
    for (uint64_t b = w.begins[r]; b < w.begins[r + 1]; ++b) {
      const size_t first = w.blocks[b] * w.width;
      std::copy_n(
          w.values.data() + b * w.width,
          std::min(w.width, w.cols - first),
          dense + r * w.cols + first);
    }
  }
}

} // namespace coppice::kernels
#endif // HWY_ONCE
