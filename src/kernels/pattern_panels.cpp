#include "kernels/pattern_panels.h"

#include <algorithm>

#include "kernels/flush_denormals.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/pattern_panels.cpp"
#include "hwy/foreach_target.h" // IWYU pragma: keep
// After foreach_target.h.
#include "hwy/highway.h"
#include "kernels/chunks-inl.h"

HWY_BEFORE_NAMESPACE();
namespace coppice::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Panels whose sums are kept between chunks: 1536 rows of the widest tile are
/// 384 KiB, which stay in the L2 cache beside the chunk's input. Fewer panels
/// would read the whole input more often.
constexpr size_t kBlockPanels = 384;

/// The sums of a panel: `kVectors` vectors of the batch for each of four rows,
/// in `kSets` independent sets, which hide the latency of the multiply-add.
template <class D, size_t kVectors>
struct Sums {
  static constexpr size_t kSets = kSumRegisters / kPanelRows / kVectors;
  hn::Vec<D> at[kSets][kPanelRows][kVectors];
};

/// Adds one column: its inputs times the weights of `kPattern`.
template <unsigned kPattern, size_t kSet, class D, size_t kVectors, class Value>
HWY_INLINE void
AddColumn(D d, const float* x, const Value* values, Sums<D, kVectors>& sums) {
  hn::Vec<D> inputs[kVectors];
  COPPICE_UNROLL
  for (size_t v = 0; v < kVectors; ++v) {
    inputs[v] = hn::LoadU(d, x + v * hn::MaxLanes(D()));
  }
  size_t next = 0;
  COPPICE_UNROLL
  for (size_t r = 0; r < kPanelRows; ++r) {
    if (kPattern >> r & 1) {
      const auto value = SetWeight(d, values + next++);
      COPPICE_UNROLL
      for (size_t v = 0; v < kVectors; ++v) {
        auto& sum = sums.at[kSet][r][v];
        sum = hn::MulAdd(value, inputs[v], sum);
      }
    }
  }
}

/// The number of weights in a column of that pattern.
constexpr size_t WeightsIn(unsigned pattern) {
  return (pattern & 1) + (pattern >> 1 & 1) + (pattern >> 2 & 1) +
      (pattern >> 3 & 1);
}

/// The next column and weight of a cell.
template <class Value>
struct Cursor {
  const uint16_t* columns;
  const Value* values;
};

/// Adds a column to each set of sums.
template <unsigned kPattern, size_t kSet, class D, size_t kVectors, class Value>
HWY_INLINE void AddColumns(
    D d,
    const uint16_t* columns,
    const Value* values,
    const float* x,
    Sums<D, kVectors>& sums) {
  if constexpr (kSet < Sums<D, kVectors>::kSets) {
    constexpr size_t kWidth = kVectors * hn::MaxLanes(D());
    const float* inputs = x + columns[kSet] * kWidth;
    const Value* weights = values + kSet * WeightsIn(kPattern);
    AddColumn<kPattern, kSet>(d, inputs, weights, sums);
    AddColumns<kPattern, kSet + 1>(d, columns, values, x, sums);
  }
}

/// Adds the next `count` columns of the cell, which have the same pattern.
template <unsigned kPattern, class D, size_t kVectors, class Value>
HWY_INLINE void AddGroup(
    D d,
    size_t count,
    const float* x,
    Cursor<Value>& cursor,
    Sums<D, kVectors>& sums) {
  constexpr size_t kWidth = kVectors * hn::MaxLanes(D());
  constexpr size_t kSets = Sums<D, kVectors>::kSets;
  constexpr size_t kWeights = WeightsIn(kPattern);
  const uint16_t* HWY_RESTRICT columns = cursor.columns;
  const Value* HWY_RESTRICT values = cursor.values;
  const uint16_t* end = columns + count;
  if constexpr (kSets > 1) {
    for (; columns + kSets <= end; columns += kSets) {
      if constexpr (kVectors == 1) {
        // Few multiplications a weight: memory latency is the limit.
        PrefetchAhead<1, 4096>(0, values);
      }
      AddColumns<kPattern, 0>(d, columns, values, x, sums);
      values += kSets * kWeights;
    }
  }
  for (; columns < end; ++columns) {
    AddColumn<kPattern, 0>(d, x + *columns * kWidth, values, sums);
    values += kWeights;
  }
  cursor = {columns, values};
}

/// Groups from `kGroup` on. A template, so that each loop is compiled for its
/// pattern.
template <size_t kGroup, class D, size_t kVectors, class Value>
HWY_INLINE void AddGroups(
    D d,
    const uint16_t* counts,
    const float* x,
    Cursor<Value>& cursor,
    Sums<D, kVectors>& sums) {
  if constexpr (kGroup < kPatterns.size()) {
    AddGroup<kPatterns[kGroup]>(d, counts[kGroup], x, cursor, sums);
    AddGroups<kGroup + 1>(d, counts, x, cursor, sums);
  }
}

/// Adds a cell to the sums of its panel, [4, width].
template <class D, size_t kVectors, class Value>
HWY_INLINE void AddCell(
    D d,
    const uint16_t* columns,
    const Value* values,
    const float* x,
    float* HWY_RESTRICT kept) {
  constexpr size_t kLanes = hn::MaxLanes(D());
  constexpr size_t kWidth = kVectors * kLanes;
  using PanelSums = Sums<D, kVectors>;
  PanelSums sums;
  COPPICE_UNROLL
  for (size_t i = 0; i < kPanelRows * kVectors; ++i) {
    const size_t r = i / kVectors;
    const size_t v = i % kVectors;
    sums.at[0][r][v] = hn::LoadU(d, kept + r * kWidth + v * kLanes);
    COPPICE_UNROLL
    for (size_t s = 1; s < PanelSums::kSets; ++s) {
      sums.at[s][r][v] = hn::Zero(d);
    }
  }
  Cursor<Value> cursor{columns + kPatterns.size(), values};
  AddGroups<0>(d, columns, x, cursor, sums);
  COPPICE_UNROLL
  for (size_t i = 0; i < kPanelRows * kVectors; ++i) {
    const size_t r = i / kVectors;
    const size_t v = i % kVectors;
    auto sum = sums.at[0][r][v];
    if constexpr (PanelSums::kSets == 2) {
      sum = hn::Add(sum, sums.at[1][r][v]);
    } else if constexpr (PanelSums::kSets == 4) {
      sum = hn::Add(
          hn::Add(sum, sums.at[1][r][v]),
          hn::Add(sums.at[2][r][v], sums.at[3][r][v]));
    }
    hn::StoreU(sum, d, kept + r * kWidth + v * kLanes);
  }
}

/// How `MultiplyChunks` adds cells: units are panels.
struct PatternFormat {
  static constexpr size_t kUnitRows = kPanelRows;
  static constexpr size_t kKeptUnits = kBlockPanels;

  static size_t units(const PatternPanels& w) {
    return w.panels;
  }

  template <size_t kVectors, class D, class Value>
  static void Add(
      D d,
      const PatternPanels& w,
      const PatternPanels::Cell* cell,
      const Value* values,
      const float* x,
      float* kept) {
    const uint16_t* columns = w.columns.data() + cell->columns;
    AddCell<D, kVectors>(d, columns, values + cell->values, x, kept);
  }
};

void PatternProduct(
    const PatternPanels& w,
    const float* transposed,
    size_t batch,
    const float* bias,
    Range panels,
    float* scratch,
    float* y) {
  MultiplyChunks<PatternFormat>(w, transposed, batch, bias, panels, scratch, y);
}

size_t PatternScratchSize() {
  return ChunksScratchSize<PatternFormat>();
}

} // namespace coppice::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace coppice::kernels {

HWY_EXPORT(PatternProduct);
HWY_EXPORT(PatternScratchSize);

size_t pattern_scratch_size() {
  return HWY_DYNAMIC_DISPATCH(PatternScratchSize)();
}

void pattern_product(
    const PatternPanels& w,
    const float* transposed,
    size_t batch,
    const float* bias,
    Range panels,
    float* scratch,
    float* y) {
  const FlushDenormals flush;
  HWY_DYNAMIC_DISPATCH(PatternProduct)
  (w, transposed, batch, bias, panels, scratch, y);
}

} // namespace coppice::kernels
#endif // HWY_ONCE
