#include "coppice/kernels/bitmask_rows.h"

#include <algorithm>
#include <type_traits>

#include "coppice/kernels/flush_denormals.h"
#include "kernels/stored.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/bitmask_rows.cpp"
#include "hwy/foreach_target.h" // IWYU pragma: keep
// After foreach_target.h.
#include "hwy/highway.h"
#include "kernels/expand-inl.h"

HWY_BEFORE_NAMESPACE();
namespace coppice::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// How a word, which covers 64 columns, lies in vectors.
template <class D>
struct WordVectors {
  static constexpr size_t kLanes = hn::MaxLanes(D());
  static constexpr size_t kVectors = 64 / kLanes;
  /// A sum waits for the one before it.
  static constexpr size_t kSums = HWY_MIN(4, kVectors);
};

/// Adds a whole word's columns; `values` moves past its weights.
template <class D, class Value>
HWY_INLINE void
AddWord(uint64_t mask, const Value*& values, const float* x, hn::Vec<D>* sums) {
  using Word = WordVectors<D>;
  const D d;
  // As much as a word's weights mostly fill.
  PrefetchAhead<1, 2048>(0, values);
  if constexpr (sizeof(Value) == sizeof(float)) {
    PrefetchAhead<1, 2048 + 64>(0, values);
  }
  COPPICE_UNROLL
  for (size_t i = 0; i < Word::kVectors; ++i) {
    const Value* packed = values + WeightsBefore<Word::kLanes>(mask, i);
    const auto weights = Expand(d, mask >> (i * Word::kLanes), packed);
    auto& sum = sums[i % Word::kSums];
    sum = hn::MulAdd(weights, hn::LoadU(d, x + i * Word::kLanes), sum);
  }
  values += hwy::PopCount(mask);
}

template <class D, class Value>
HWY_INLINE float RowTimes(
    const uint64_t* mask,
    const Value* values,
    size_t cols,
    const float* x) {
  using Word = WordVectors<D>;
  const D d;
  hn::Vec<D> sums[Word::kSums];
  COPPICE_UNROLL
  for (size_t i = 0; i < Word::kSums; ++i) {
    sums[i] = hn::Zero(d);
  }
  size_t c = 0;
  for (; c + 64 <= cols; c += 64) {
    AddWord<D>(*mask++, values, x + c, sums);
  }
  float sum = SumOf(d, SumOfSets<Word::kSums, 1>(d, sums));
  for (uint64_t left = c < cols ? *mask : 0; left != 0; left &= left - 1) {
    const float input = x[c + hwy::Num0BitsBelowLS1Bit_Nonzero64(left)];
    sum = MulAddOne(to_float(*values++), input, sum);
  }
  return sum;
}

template <class D, class Value>
void MultiplyRows(
    const BitmaskRows& w,
    const Value* values,
    const float* x,
    const float* bias,
    Range range,
    float* y) {
  for (size_t r = range.begin; r < range.end; ++r) {
    const float sum = RowTimes<D>(
        w.mask.data() + r * w.words, values + w.begins[r], w.cols, x);
    y[r] = sum + (bias ? bias[r] : 0.0f);
  }
}

void BitmaskRowsProduct(
    const BitmaskRows& w,
    const float* x,
    const float* bias,
    Range range,
    float* y) {
  // With few weights in a word, expanding is the limit, and two tables take
  // less time than the instruction; with many it is memory, which is asked for
  // more at once by fewer instructions.
  const bool few = 20 * w.begins.back() < uint64_t{7} * w.rows * w.cols;
  w.values.visit([&](const auto* values) {
    using Value = std::decay_t<decltype(*values)>;
    if (few) {
      MultiplyRows<Eight>(w, values, x, bias, range, y);
    } else {
      using D = typename Expanding<Value>::D;
      MultiplyRows<D>(w, values, x, bias, range, y);
    }
  });
}

} // namespace coppice::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace coppice::kernels {

HWY_EXPORT(BitmaskRowsProduct);

BitmaskRows pack_bitmask_rows(
    const float* w,
    size_t rows,
    size_t cols,
    const Packing& packing) {
  BitmaskRows packed;
  packed.rows = rows;
  packed.cols = cols;
  packed.words = (cols + 63) / 64;
  packed.mask.resize(rows * packed.words);
  const IsStored is_stored(packing.dtype);
  packed.begins = begins_of(packing, rows, [&](size_t r) {
    uint64_t stored = 0;
    for (size_t c = 0; c < cols; c += 64) {
      auto& word = packed.mask[r * packed.words + c / 64];
      word = is_stored.bits(w + r * cols + c, std::min<size_t>(64, cols - c));
      stored += hwy::PopCount(word);
    }
    return stored;
  });
  packed.values = padded_values(packing.dtype, packed.begins.back());
  packed.values.visit([&](auto* values) {
    for_each(packing, rows, [&](size_t r) {
      auto* to = values + packed.begins[r];
      for (size_t c = 0; c < cols; c += 64) {
        const uint64_t word = packed.mask[r * packed.words + c / 64];
        to = store_set(word, w + r * cols + c, to);
      }
    });
  });
  return packed;
}

void unpack(const BitmaskRows& w, float* dense) {
  w.values.visit([&](const auto* values) {
    for (size_t r = 0; r < w.rows; ++r) {
      for (size_t c = 0; c < w.cols; ++c) {
        const bool stored = w.mask[r * w.words + c / 64] >> c % 64 & 1;
        dense[r * w.cols + c] = stored ? to_float(*values++) : 0.0f;
      }
    }
  });
}

void bitmask_rows_product(
    const BitmaskRows& w,
    const float* x,
    const float* bias,
    Range range,
    float* y) {
  const FlushDenormals flush;
  HWY_DYNAMIC_DISPATCH(BitmaskRowsProduct)(w, x, bias, range, y);
}

} // namespace coppice::kernels
#endif // HWY_ONCE
