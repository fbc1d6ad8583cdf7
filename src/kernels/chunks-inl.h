// Products over a batch for weights packed in cells. A cell is the part of a
// unit of rows in a chunk of columns. Compiled once per instruction set.
#if defined(COPPICE_KERNELS_CHUNKS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef COPPICE_KERNELS_CHUNKS_INL_H_
#undef COPPICE_KERNELS_CHUNKS_INL_H_
#else
#define COPPICE_KERNELS_CHUNKS_INL_H_
#endif

#include <algorithm>
#include <cstddef>

#include "hwy/highway.h"
#include "kernels/range.h"
#include "kernels/transpose-inl.h"

HWY_BEFORE_NAMESPACE();
namespace coppice::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// A tile of the batch: its input and where its outputs begin.
struct Tile {
  const float* x;
  size_t batch;
  const float* bias;
  float* sums;
  float* y;
};

/// The rows of at most `Format::kKeptUnits` units for one tile. Their sums stay
/// in the L2 cache while the chunk's input changes.
///
/// `Format` says how cells are added: `kUnitRows` rows a unit, `units(w)`
/// units, and `Add(d, w, cell, values, x, sums)` for sums [kUnitRows, width].
template <class Format, size_t kVectors, class D, class Packed, class Value>
void MultiplyTile(
    D d,
    const Packed& w,
    const Value* values,
    const Tile& tile,
    Range units) {
  constexpr size_t kWidth = kVectors * hn::MaxLanes(D());
  constexpr size_t kRows = Format::kUnitRows;
  const size_t first = units.begin * kRows;
  const size_t rows = std::min(units.end * kRows, w.rows) - first;
  for (size_t r = 0; r < (units.end - units.begin) * kRows; ++r) {
    const float start = tile.bias && r < rows ? tile.bias[first + r] : 0.0f;
    std::fill_n(tile.sums + r * kWidth, kWidth, start);
  }
  const float* x = tile.x;
  for (size_t c = 0; c < w.cols; c += w.chunk, x += w.chunk * kWidth) {
    const auto* cells = w.cells.data() + c / w.chunk * Format::units(w);
    float* sums = tile.sums;
    for (size_t unit = units.begin; unit < units.end; ++unit) {
      Format::template Add<kVectors>(d, w, cells + unit, values, x, sums);
      sums += kRows * kWidth;
    }
  }
  float* y = tile.y + first;
  StoreTile(d, tile.sums, rows, kWidth, tile.batch, y, w.rows);
}

template <class Format, class Packed, class Value>
void MultiplyTileOfWidth(
    size_t width,
    const Packed& w,
    const Value* values,
    const Tile& tile,
    Range units) {
  const Wide d;
  if (width < kWideLanes) {
    return MultiplyTile<Format, 1>(Narrow(), w, values, tile, units);
  }
  if (width == kWideLanes) {
    return MultiplyTile<Format, 1>(d, w, values, tile, units);
  }
  if (width == 2 * kWideLanes) {
    return MultiplyTile<Format, 2>(d, w, values, tile, units);
  }
  if constexpr (kWidestTile == 4 * kWideLanes) {
    MultiplyTile<Format, 4>(d, w, values, tile, units);
  }
}

/// y = x W^T + bias for the rows of `units`; `scratch` holds
/// `ChunksScratchSize` floats.
template <class Format, class Packed>
void MultiplyChunks(
    const Packed& w,
    const float* transposed,
    size_t batch,
    const float* bias,
    Range units,
    float* scratch,
    float* y) {
  for (size_t u = units.begin; u < units.end; u += Format::kKeptUnits) {
    const Range kept{u, std::min(u + Format::kKeptUnits, units.end)};
    ForEachTile(batch, w.cols, [&](size_t first, size_t width, size_t offset) {
      const size_t real = std::min(width, batch - first);
      const Tile tile{
          transposed + offset, real, bias, scratch, y + first * w.rows};
      w.values.visit([&](const auto* values) {
        MultiplyTileOfWidth<Format>(width, w, values, tile, kept);
      });
    });
  }
}

template <class Format>
constexpr size_t ChunksScratchSize() {
  return Format::kKeptUnits * Format::kUnitRows * kWidestTile;
}

} // namespace coppice::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif // COPPICE_KERNELS_CHUNKS_INL_H_
