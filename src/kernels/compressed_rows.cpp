#include "coppice/kernels/compressed_rows.h"

#include <algorithm>

#include "coppice/kernels/flush_denormals.h"
#include "kernels/stored.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/compressed_rows.cpp"
#include "hwy/foreach_target.h" // IWYU pragma: keep
// After foreach_target.h.
#include "hwy/highway.h"
#include "kernels/product-inl.h"

HWY_BEFORE_NAMESPACE();
namespace coppice::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// One after another: a gather reads the inputs no faster, and the processor
/// overlaps rows better when each is short.
HWY_INLINE float RowTimes(
    const float* HWY_RESTRICT values,
    const uint16_t* HWY_RESTRICT columns,
    size_t count,
    const float* HWY_RESTRICT x) {
  constexpr size_t kSums = 8;
  float sums[kSums] = {};
  size_t i = 0;
  for (; i + kSums <= count; i += kSums) {
    COPPICE_UNROLL
    for (size_t s = 0; s < kSums; ++s) {
      sums[s] = MulAddOne(values[i + s], x[columns[i + s]], sums[s]);
    }
  }
  for (; i < count; ++i) {
    sums[0] = MulAddOne(values[i], x[columns[i]], sums[0]);
  }
  return ((sums[0] + sums[1]) + (sums[2] + sums[3])) +
      ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

void CompressedRowsProduct(
    const CompressedRows& w,
    const float* x,
    const float* bias,
    Range range,
    float* y) {
  for (size_t r = range.begin; r < range.end; ++r) {
    const uint64_t begin = w.begins[r];
    const float sum = RowTimes(
        w.values.data() + begin,
        w.columns.data() + begin,
        w.begins[r + 1] - begin,
        x);
    y[r] = sum + (bias ? bias[r] : 0.0f);
  }
}

} // namespace coppice::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace coppice::kernels {

HWY_EXPORT(CompressedRowsProduct);

CompressedRows pack_compressed_rows(const float* w, size_t rows, size_t cols) {
  CompressedRows packed;
  packed.rows = rows;
  packed.cols = cols;
  packed.begins.push_back(0);
  const size_t count = std::count_if(w, w + rows * cols, is_stored);
  packed.values.reserve(count);
  packed.columns.reserve(count);
  for (size_t r = 0; r < rows; ++r) {
    for (size_t c = 0; c < cols; ++c) {
      const float value = w[r * cols + c];
      if (is_stored(value)) {
        packed.values.push_back(value);
        packed.columns.push_back(static_cast<uint16_t>(c));
      }
    }
    packed.begins.push_back(packed.values.size());
  }
  return packed;
}

void unpack(const CompressedRows& w, float* dense) {
  std::fill(dense, dense + w.rows * w.cols, 0.0f);
  for (size_t r = 0; r < w.rows; ++r) {
    for (uint64_t i = w.begins[r]; i < w.begins[r + 1]; ++i) {
      dense[r * w.cols + w.columns[i]] = w.values[i];
    }
  }
}

void compressed_rows_product(
    const CompressedRows& w,
    const float* x,
    const float* bias,
    Range range,
    float* y) {
  const FlushDenormals flush;
  HWY_DYNAMIC_DISPATCH(CompressedRowsProduct)(w, x, bias, range, y);
}

} // namespace coppice::kernels
#endif // HWY_ONCE
