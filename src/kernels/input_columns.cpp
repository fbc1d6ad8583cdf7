#include "kernels/input_columns.h"

#include <algorithm>
#include <cmath>

#include "kernels/flush_denormals.h"
#include "kernels/stored.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/input_columns.cpp"
#include "hwy/foreach_target.h" // IWYU pragma: keep
// After foreach_target.h.
#include "hwy/highway.h"
#include "kernels/product-inl.h"

HWY_BEFORE_NAMESPACE();
namespace coppice::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Columns at a time: y is loaded and stored once for all of them, and the
/// hardware prefetcher follows that many streams.
constexpr size_t kColumnsAtOnce = 8;

/// Rows whose y stays in the L1 cache while all columns are added.
constexpr size_t kBlockRows = 4096;

/// Adds `kCount` columns to the rows in `range`.
template <size_t kCount, class Value>
HWY_INLINE void AddColumns(
    const InputColumns& w,
    const Value* values,
    const ActiveInput* active,
    Range range,
    float* HWY_RESTRICT y) {
  const Wide d;
  const Value* columns[kCount];
  hn::Vec<Wide> inputs[kCount];
  COPPICE_UNROLL
  for (size_t i = 0; i < kCount; ++i) {
    columns[i] = values + active[i].column * w.rows;
    inputs[i] = hn::Set(d, active[i].value);
  }
  size_t r = range.begin;
  for (; r + kWideLanes <= range.end; r += kWideLanes) {
    auto even = hn::LoadU(d, y + r);
    auto odd = hn::Zero(d);
    COPPICE_UNROLL
    for (size_t i = 0; i < kCount; ++i) {
      auto& sum = i % 2 ? odd : even;
      sum = hn::MulAdd(inputs[i], LoadWeights(d, columns[i] + r), sum);
    }
    hn::StoreU(hn::Add(even, odd), d, y + r);
  }
  for (; r < range.end; ++r) {
    float even = y[r];
    float odd = 0;
    COPPICE_UNROLL
    for (size_t i = 0; i < kCount; ++i) {
      float& sum = i % 2 ? odd : even;
      sum = MulAddOne(active[i].value, to_float(columns[i][r]), sum);
    }
    y[r] = even + odd;
  }
}

template <class Value>
void MultiplyColumns(
    const InputColumns& w,
    const Value* values,
    const ActiveInput* active,
    size_t count,
    const float* bias,
    Range range,
    float* y) {
  for (size_t r = range.begin; r < range.end; r += kBlockRows) {
    const Range block{r, std::min(r + kBlockRows, range.end)};
    for (size_t i = block.begin; i < block.end; ++i) {
      y[i] = bias ? bias[i] : 0.0f;
    }
    size_t i = 0;
    for (; i + kColumnsAtOnce <= count; i += kColumnsAtOnce) {
      AddColumns<kColumnsAtOnce>(w, values, active + i, block, y);
    }
    for (; i < count; ++i) {
      AddColumns<1>(w, values, active + i, block, y);
    }
  }
}

void InputColumnsProduct(
    const InputColumns& w,
    const ActiveInput* active,
    size_t count,
    const float* bias,
    Range range,
    float* y) {
  w.values.visit([&](const auto* values) {
    MultiplyColumns(w, values, active, count, bias, range, y);
  });
}

} // namespace coppice::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace coppice::kernels {

HWY_EXPORT(InputColumnsProduct);

InputColumns pack_input_columns(
    const float* w,
    size_t rows,
    size_t cols,
    const Packing& packing) {
  InputColumns packed{rows, cols, Values(packing.dtype, rows * cols)};
  // In squares, so that neither side takes a cache miss a value.
  constexpr size_t kSquare = 64;
  packed.values.visit([&](auto* values) {
    for_each(packing, (cols + kSquare - 1) / kSquare, [&](size_t square) {
      const size_t col = square * kSquare;
      for (size_t row = 0; row < rows; row += kSquare) {
        for (size_t c = col; c < std::min(col + kSquare, cols); ++c) {
          for (size_t r = row; r < std::min(row + kSquare, rows); ++r) {
            store(w[r * cols + c], values + c * rows + r);
          }
        }
      }
    });
  });
  return packed;
}

void unpack(const InputColumns& w, float* dense) {
  w.values.visit([&](const auto* values) {
    for (size_t c = 0; c < w.cols; ++c) {
      for (size_t r = 0; r < w.rows; ++r) {
        dense[r * w.cols + c] = to_float(values[c * w.rows + r]);
      }
    }
  });
}

size_t active_inputs(
    const float* x,
    size_t count,
    float threshold,
    ActiveInput* active) {
  // Negated, so that NaN is kept. No branch: which inputs are skipped is hard
  // to predict.
  size_t kept = 0;
  for (size_t c = 0; c < count; ++c) {
    active[kept] = {static_cast<uint32_t>(c), x[c]};
    kept += !(std::fabs(x[c]) <= threshold);
  }
  return kept;
}

void input_columns_product(
    const InputColumns& w,
    const ActiveInput* active,
    size_t count,
    const float* bias,
    Range range,
    float* y) {
  const FlushDenormals flush;
  HWY_DYNAMIC_DISPATCH(InputColumnsProduct)
  (w, active, count, bias, range, y);
}

} // namespace coppice::kernels
#endif // HWY_ONCE
