#include "kernels/sorted_rows.h"

#include <algorithm>

#include "kernels/flush_denormals.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/sorted_rows.cpp"
#include "hwy/foreach_target.h" // IWYU pragma: keep
// After foreach_target.h.
#include "hwy/cache_control.h"
#include "hwy/highway.h"
#include "kernels/chunks-inl.h"

HWY_BEFORE_NAMESPACE();
namespace coppice::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Adds a row of `weights` weights to its sums.
template <class D, size_t kVectors, class Value>
HWY_INLINE void AddRow(
    D d,
    size_t weights,
    const uint16_t* HWY_RESTRICT columns,
    const Value* HWY_RESTRICT values,
    const float* HWY_RESTRICT x,
    float* HWY_RESTRICT kept) {
  constexpr size_t kLanes = hn::MaxLanes(D());
  constexpr size_t kWidth = kVectors * kLanes;
  // Independent accumulators hide the latency of the multiply-add.
  constexpr size_t kSets = kVectors >= 4 ? 1 : 4 / kVectors;
  hn::Vec<D> sums[kSets * kVectors];
  COPPICE_UNROLL
  for (size_t i = 0; i < kSets * kVectors; ++i) {
    sums[i] = i < kVectors ? hn::LoadU(d, kept + i * kLanes) : hn::Zero(d);
  }
  size_t i = 0;
  for (; i + kSets <= weights; i += kSets) {
    COPPICE_UNROLL
    for (size_t s = 0; s < kSets; ++s) {
      const auto value = SetWeight(d, values + i + s);
      const float* inputs = x + columns[i + s] * kWidth;
      COPPICE_UNROLL
      for (size_t v = 0; v < kVectors; ++v) {
        auto& sum = sums[s * kVectors + v];
        sum = hn::MulAdd(value, hn::LoadU(d, inputs + v * kLanes), sum);
      }
    }
  }
  if constexpr (kSets > 1) {
    for (; i < weights; ++i) {
      const auto value = SetWeight(d, values + i);
      const float* inputs = x + columns[i] * kWidth;
      COPPICE_UNROLL
      for (size_t v = 0; v < kVectors; ++v) {
        sums[v] = hn::MulAdd(value, hn::LoadU(d, inputs + v * kLanes), sums[v]);
      }
    }
  }
  COPPICE_UNROLL
  for (size_t v = 0; v < kVectors; ++v) {
    hn::StoreU(SumOfSets<kSets, kVectors>(d, sums + v), d, kept + v * kLanes);
  }
}

/// How `MultiplyChunks` adds cells: units are blocks.
struct SortedFormat {
  static constexpr size_t kUnitRows = kSortedBlockRows;
  /// 1024 rows of the widest tile are 256 KiB, so that their sums stay in the
  /// L2 cache beside the chunk's input. Fewer would read the whole input more
  /// often.
  static constexpr size_t kKeptUnits = 1024 / kSortedBlockRows;

  static size_t units(const SortedRows& w) {
    return w.blocks;
  }

  template <size_t kVectors, class D, class Value>
  static void Add(
      D d,
      const SortedRows& w,
      const SortedRows::Cell* cell,
      const Value* values,
      const float* x,
      float* kept) {
    constexpr size_t kWidth = kVectors * hn::MaxLanes(D());
    constexpr size_t kCacheLine = 64 / sizeof(Value);
    const uint16_t* columns = w.columns.data() + cell->values;
    values += cell->values;
    const uint16_t* order = w.order.data() + cell->order;
    const auto* end = w.runs.data() + cell[1].runs;
    for (const auto* run = w.runs.data() + cell->runs; run < end; ++run) {
      const size_t weights = run->weights;
      for (size_t r = 0; r < run->rows; ++r) {
        if constexpr (kVectors == 1) {
          // Few multiplications a weight: memory latency is the limit.
          for (size_t i = 0; i < weights; i += kCacheLine) {
            PrefetchAhead<1, 4096>(0, values + i);
          }
        }
        AddRow<D, kVectors>(
            d, weights, columns, values, x, kept + order[r] * kWidth);
        columns += weights;
        values += weights;
      }
      order += run->rows;
    }
  }
};

void SortedRowsProduct(
    const SortedRows& w,
    const float* transposed,
    size_t batch,
    const float* bias,
    Range blocks,
    float* scratch,
    float* y) {
  MultiplyChunks<SortedFormat>(w, transposed, batch, bias, blocks, scratch, y);
}

size_t SortedScratchSize() {
  return ChunksScratchSize<SortedFormat>();
}

} // namespace coppice::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace coppice::kernels {

HWY_EXPORT(SortedRowsProduct);
HWY_EXPORT(SortedScratchSize);

size_t sorted_scratch_size() {
  return HWY_DYNAMIC_DISPATCH(SortedScratchSize)();
}

void sorted_rows_product(
    const SortedRows& w,
    const float* transposed,
    size_t batch,
    const float* bias,
    Range blocks,
    float* scratch,
    float* y) {
  const FlushDenormals flush;
  HWY_DYNAMIC_DISPATCH(SortedRowsProduct)
  (w, transposed, batch, bias, blocks, scratch, y);
}

} // namespace coppice::kernels
#endif // HWY_ONCE
