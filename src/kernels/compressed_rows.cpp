#include "kernels/compressed_rows.h"

#include <algorithm>
#include <cstring>

#include "kernels/flush_denormals.h"
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

/// Four lanes: one 64-bit load has four columns.
using Four = hn::CappedTag<float, 4>;
constexpr size_t kLanes = hn::MaxLanes(Four());

/// The inputs of the next kLanes columns. Each is loaded directly into its
/// lane. A gather is slower, and so is a vector load after four narrow stores,
/// which cannot be forwarded.
HWY_INLINE hn::Vec<Four> Inputs(const float* x, const uint16_t* columns) {
#if HWY_ARCH_X86 && HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128
  // One load for four columns: this product is limited by loads.
  uint64_t four;
  std::memcpy(&four, columns, sizeof(four));
  return hn::Vec<Four>{_mm_setr_ps(
      x[four & 0xffff],
      x[four >> 16 & 0xffff],
      x[four >> 32 & 0xffff],
      x[four >> 48])};
#else
  auto inputs = hn::Set(Four(), x[columns[0]]);
  COPPICE_UNROLL
  for (size_t i = 1; i < kLanes; ++i) {
    inputs = hn::InsertLane(inputs, i, x[columns[i]]);
  }
  return inputs;
#endif
}

template <class Value>
HWY_INLINE float RowTimes(
    const Value* HWY_RESTRICT values,
    const uint16_t* HWY_RESTRICT columns,
    size_t count,
    const float* HWY_RESTRICT x) {
  const Four d;
  constexpr size_t kSums = 4;
  hn::Vec<Four> sums[kSums];
  COPPICE_UNROLL
  for (size_t s = 0; s < kSums; ++s) {
    sums[s] = hn::Zero(d);
  }
  size_t i = 0;
  const auto add = [&](hn::Vec<Four>& sum) {
    sum = hn::MulAdd(LoadWeights(d, values + i), Inputs(x, columns + i), sum);
    i += kLanes;
  };
  while (i + kSums * kLanes <= count) {
    COPPICE_UNROLL
    for (size_t s = 0; s < kSums; ++s) {
      add(sums[s]);
    }
  }
  while (i + kLanes <= count) {
    add(sums[0]);
  }
  float sum = SumOf(d, SumOfSets<kSums, 1>(d, sums));
  for (; i < count; ++i) {
    sum = MulAddOne(to_float(values[i]), x[columns[i]], sum);
  }
  return sum;
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
