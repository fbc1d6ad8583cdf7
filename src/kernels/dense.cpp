#include "kernels/dense.h"

#include <algorithm>

#include "kernels/flush_denormals.h"
#include "kernels/stored.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/dense.cpp"
#include "hwy/foreach_target.h" // IWYU pragma: keep
// After foreach_target.h.
#include "hwy/highway.h"
#include "kernels/product-inl.h"

HWY_BEFORE_NAMESPACE();
namespace coppice::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Some rows of a dense weight and of the batch.
template <class Value>
struct DenseTile {
  const Value* w;
  size_t cols;
  const float* x;
  const float* bias; ///< Of the first row; may be null.
  float* y;
  size_t stride; ///< Between rows of y.
};

/// The dot products of kRows rows with kBatch inputs. The order of summation of
/// each does not depend on kRows.
template <size_t kRows, size_t kBatch, class Value>
HWY_INLINE void DotProducts(const DenseTile<Value>& tile) {
  constexpr size_t kLanes = kWideLanes;
  // Eight accumulators hide the latency of the multiply-add; more rows or
  // inputs have as many anyway.
  constexpr size_t kSets = kBatch == 1 ? 8 : 1;
  constexpr size_t kDots = kRows * kBatch;
  const Wide d;
  hn::Vec<Wide> sums[kSets * kDots];
  COPPICE_UNROLL
  for (size_t i = 0; i < kSets * kDots; ++i) {
    sums[i] = hn::Zero(d);
  }
  size_t k = 0;
  for (; k + kSets * kLanes <= tile.cols; k += kSets * kLanes) {
    COPPICE_UNROLL
    for (size_t s = 0; s < kSets; ++s) {
      const size_t at = k + s * kLanes;
      hn::Vec<Wide> weights[kRows];
      COPPICE_UNROLL
      for (size_t r = 0; r < kRows; ++r) {
        const Value* row = tile.w + r * tile.cols + at;
        // No software prefetch: the hardware prefetcher follows this stream
        // better. With one, float32 was read a seventh slower and BFloat16 half
        // as fast.
        weights[r] = LoadWeights(d, row);
      }
      COPPICE_UNROLL
      for (size_t n = 0; n < kBatch; ++n) {
        const auto input = hn::LoadU(d, tile.x + n * tile.cols + at);
        COPPICE_UNROLL
        for (size_t r = 0; r < kRows; ++r) {
          auto& sum = sums[s * kDots + r * kBatch + n];
          sum = hn::MulAdd(weights[r], input, sum);
        }
      }
    }
  }
  // The remaining whole vectors.
  for (; kSets > 1 && k + kLanes <= tile.cols; k += kLanes) {
    COPPICE_UNROLL
    for (size_t i = 0; i < kDots; ++i) {
      const auto weights = LoadWeights(d, tile.w + i / kBatch * tile.cols + k);
      const auto input = hn::LoadU(d, tile.x + i % kBatch * tile.cols + k);
      sums[i] = hn::MulAdd(weights, input, sums[i]);
    }
  }
  COPPICE_UNROLL
  for (size_t i = 0; i < kDots; ++i) {
    const size_t r = i / kBatch;
    const size_t n = i % kBatch;
    float sum = SumOf(d, SumOfSets<kSets, kDots>(d, sums + i));
    for (size_t c = k; c < tile.cols; ++c) {
      const float weight = to_float(tile.w[r * tile.cols + c]);
      sum = MulAddOne(weight, tile.x[n * tile.cols + c], sum);
    }
    tile.y[n * tile.stride + r] = sum + (tile.bias ? tile.bias[r] : 0.0f);
  }
}

/// The number of rows that share a loaded input, limited by registers.
constexpr size_t RowsAtOnce(size_t batch) {
  constexpr size_t kSums = kSumRegisters + kSumRegisters / 2;
  return batch == 1 ? 1 : HWY_MIN(4, HWY_MAX(1, kSums / batch));
}

template <size_t kBatch, class Value>
void MultiplyRows(DenseTile<Value> tile, size_t rows) {
  constexpr size_t kRows = RowsAtOnce(kBatch);
  const auto advance = [&](size_t by) {
    rows -= by;
    tile.w += by * tile.cols;
    tile.y += by;
    tile.bias += tile.bias ? by : 0;
  };
  while (rows >= kRows) {
    DotProducts<kRows, kBatch>(tile);
    advance(kRows);
  }
  while (rows > 0) {
    DotProducts<1, kBatch>(tile);
    advance(1);
  }
}

template <class Value>
void MultiplyRowsOf(size_t batch, const DenseTile<Value>& tile, size_t rows) {
  switch (batch) {
    case 1:
      return MultiplyRows<1>(tile, rows);
    case 2:
      return MultiplyRows<2>(tile, rows);
    case 3:
      return MultiplyRows<3>(tile, rows);
    case 4:
      return MultiplyRows<4>(tile, rows);
    case 5:
      return MultiplyRows<5>(tile, rows);
    case 6:
      return MultiplyRows<6>(tile, rows);
    case 7:
      return MultiplyRows<7>(tile, rows);
    default:
      return MultiplyRows<8>(tile, rows);
  }
}

template <class Value>
void MultiplyBatch(
    const DenseRows& w,
    const Value* values,
    const float* x,
    size_t batch,
    const float* bias,
    Range range,
    float* y) {
  for (size_t n = 0; n < batch; n += 8) {
    const DenseTile<Value> tile{
        values + range.begin * w.cols,
        w.cols,
        x + n * w.cols,
        bias ? bias + range.begin : nullptr,
        y + n * w.rows + range.begin,
        w.rows};
    MultiplyRowsOf(
        std::min<size_t>(8, batch - n), tile, range.end - range.begin);
  }
}

void DenseProduct(
    const DenseRows& w,
    const float* x,
    size_t batch,
    const float* bias,
    Range range,
    float* y) {
  w.values.visit([&](const auto* values) {
    MultiplyBatch(w, values, x, batch, bias, range, y);
  });
}

} // namespace coppice::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace coppice::kernels {

HWY_EXPORT(DenseProduct);

DenseRows pack_dense_rows(
    const float* w,
    size_t rows,
    size_t cols,
    const Packing& packing) {
  DenseRows packed{rows, cols, Values(packing.dtype, rows * cols)};
  packed.values.visit([&](auto* values) {
    for_each(packing, rows * cols, [&](size_t i) { store(w[i], values + i); });
  });
  return packed;
}

void unpack(const DenseRows& w, float* dense) {
  w.values.visit([&](const auto* values) {
    for (size_t i = 0; i < w.values.size(); ++i) {
      dense[i] = to_float(values[i]);
    }
  });
}

void dense_product(
    const DenseRows& w,
    const float* x,
    size_t batch,
    const float* bias,
    Range range,
    float* y) {
  const FlushDenormals flush;
  HWY_DYNAMIC_DISPATCH(DenseProduct)(w, x, batch, bias, range, y);
}

} // namespace coppice::kernels
#endif // HWY_ONCE
