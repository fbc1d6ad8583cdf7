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

constexpr size_t kSums = 8;

/// The next kSums weights as float; those that are not go to `room` first.
HWY_INLINE const float* Widened(const float* values, float* /*room*/) {
  return values;
}
HWY_INLINE const float* Widened(const BFloat16* values, float* room) {
  const hn::CappedTag<float, kSums> d;
  COPPICE_UNROLL
  for (size_t i = 0; i < kSums; i += hn::MaxLanes(d)) {
    hn::StoreU(LoadWeights(d, values + i), d, room + i);
  }
  return room;
}

/// One after another: a gather reads the inputs no faster, and the processor
/// overlaps rows better when each is short.
template <class Value>
HWY_INLINE float RowTimes(
    const Value* HWY_RESTRICT values,
    const uint16_t* HWY_RESTRICT columns,
    size_t count,
    const float* HWY_RESTRICT x) {
  float sums[kSums] = {};
  float room[kSums];
  size_t i = 0;
  for (; i + kSums <= count; i += kSums) {
    const float* weights = Widened(values + i, room);
    COPPICE_UNROLL
    for (size_t s = 0; s < kSums; ++s) {
      sums[s] = MulAddOne(weights[s], x[columns[i + s]], sums[s]);
    }
  }
  for (; i < count; ++i) {
    sums[0] = MulAddOne(to_float(values[i]), x[columns[i]], sums[0]);
  }
  return ((sums[0] + sums[1]) + (sums[2] + sums[3])) +
      ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

template <class Value>
void MultiplyRows(
    const CompressedRows& w,
    const Value* values,
    const float* x,
    const float* bias,
    Range range,
    float* y) {
  for (size_t r = range.begin; r < range.end; ++r) {
    const uint64_t begin = w.begins[r];
    const float sum = RowTimes(
        values + begin, w.columns.data() + begin, w.begins[r + 1] - begin, x);
    y[r] = sum + (bias ? bias[r] : 0.0f);
  }
}

void CompressedRowsProduct(
    const CompressedRows& w,
    const float* x,
    const float* bias,
    Range range,
    float* y) {
  w.values.visit(
      [&](const auto* values) { MultiplyRows(w, values, x, bias, range, y); });
}

} // namespace coppice::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace coppice::kernels {

HWY_EXPORT(CompressedRowsProduct);

CompressedRows pack_compressed_rows(
    const float* w,
    size_t rows,
    size_t cols,
    const Packing& packing) {
  const IsStored is_stored(packing.dtype);
  CompressedRows packed;
  packed.rows = rows;
  packed.cols = cols;
  packed.begins = begins_of(packing, rows, [&](size_t r) {
    return std::count_if(w + r * cols, w + (r + 1) * cols, is_stored);
  });
  packed.columns.resize(packed.begins.back());
  packed.values = Values(packing.dtype, packed.begins.back());
  packed.values.visit([&](auto* values) {
    for_each(packing, rows, [&](size_t r) {
      const float* row = w + r * cols;
      uint64_t next = packed.begins[r];
      for (size_t c = 0; c < cols; c += 64) {
        uint64_t bits = is_stored.bits(row + c, std::min<size_t>(64, cols - c));
        for (; bits != 0; bits &= bits - 1, ++next) {
          const size_t column = c + hwy::Num0BitsBelowLS1Bit_Nonzero64(bits);
          store(row[column], values + next);
          packed.columns[next] = static_cast<uint16_t>(column);
        }
      }
    });
  });
  return packed;
}

void unpack(const CompressedRows& w, float* dense) {
  std::fill(dense, dense + w.rows * w.cols, 0.0f);
  w.values.visit([&](const auto* values) {
    for (size_t r = 0; r < w.rows; ++r) {
      for (uint64_t i = w.begins[r]; i < w.begins[r + 1]; ++i) {
        dense[r * w.cols + w.columns[i]] = to_float(values[i]);
      }
    }
  });
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
