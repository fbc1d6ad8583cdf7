// Tiles of the batch, to transposed inputs and back from transposed outputs.
// Compiled once per instruction set.
#if defined(COPPICE_KERNELS_TRANSPOSE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef COPPICE_KERNELS_TRANSPOSE_INL_H_
#undef COPPICE_KERNELS_TRANSPOSE_INL_H_
#else
#define COPPICE_KERNELS_TRANSPOSE_INL_H_
#endif

#include <algorithm>
#include <cstddef>

#include "hwy/highway.h"
#include "kernels/product-inl.h"

HWY_BEFORE_NAMESPACE();
namespace coppice::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// The widest tile of the batch: the sums of four rows stay in registers.
constexpr size_t kWidestTile = kWideLanes * (kSumRegisters / 4);
/// The narrowest: half a vector of 16 lanes, else a vector.
using Narrow = hn::CappedTag<float, 8>;
constexpr size_t kNarrowestTile = hn::MaxLanes(Narrow());

/// The width of the next tile if `left` > 0 rows of the batch are left. Padding
/// costs as much as data, and another tile reads the weight again.
HWY_INLINE size_t TileWidth(size_t left) {
  size_t width = kNarrowestTile;
  while (width < left && width < kWidestTile) {
    width *= 2;
  }
  const bool wasteful = 4 * left <= 3 * width;
  return wasteful && width >= 4 * kNarrowestTile ? width / 2 : width;
}

/// Calls `body(first row of the batch, width, floats before the tile)`.
template <class Body>
HWY_INLINE void ForEachTile(size_t batch, size_t cols, Body body) {
  size_t offset = 0;
  for (size_t first = 0; first < batch;) {
    const size_t width = TileWidth(batch - first);
    body(first, width, offset);
    offset += width * cols;
    first += width;
  }
}

#if HWY_TARGET == HWY_SCALAR

template <class D>
HWY_INLINE void TransposeSquare(D, const float* from, float* to, size_t) {
  to[0] = from[0];
}

#else

/// Four columns of every fourth row from the first on, a 128-bit block each;
/// rows are as many floats apart as `whole` has lanes.
template <class Whole, class D>
HWY_INLINE hn::Vec<D> LoadBlocks(Whole whole, D d, const float* from) {
  constexpr size_t kLanes = hn::MaxLanes(D());
  if constexpr (kLanes == 4) {
    return hn::LoadU(d, from);
  } else {
    const hn::Half<D> half;
    const float* upper = from + kLanes / 2 * hn::MaxLanes(Whole());
    return hn::Combine(
        d, LoadBlocks(whole, half, upper), LoadBlocks(whole, half, from));
  }
}

/// to[c][r] = from[r][c] of a square block with as many contiguous rows as `d`
/// has lanes.
template <class D>
HWY_INLINE void
TransposeSquare(D d, const float* from, float* to, size_t to_stride) {
  constexpr size_t kLanes = hn::MaxLanes(D());
  const hn::Repartition<double, D> pairs;
  COPPICE_UNROLL
  for (size_t c = 0; c < kLanes; c += 4) {
    const auto v0 = LoadBlocks(d, d, from + c);
    const auto v1 = LoadBlocks(d, d, from + c + kLanes);
    const auto v2 = LoadBlocks(d, d, from + c + 2 * kLanes);
    const auto v3 = LoadBlocks(d, d, from + c + 3 * kLanes);
    const auto low01 = hn::BitCast(pairs, hn::InterleaveLower(d, v0, v1));
    const auto low23 = hn::BitCast(pairs, hn::InterleaveLower(d, v2, v3));
    const auto up01 = hn::BitCast(pairs, hn::InterleaveUpper(d, v0, v1));
    const auto up23 = hn::BitCast(pairs, hn::InterleaveUpper(d, v2, v3));
    float* row = to + c * to_stride;
    const auto store = [&](hn::Vec<decltype(pairs)> v, size_t r) {
      hn::StoreU(hn::BitCast(d, v), d, row + r * to_stride);
    };
    store(hn::InterleaveLower(pairs, low01, low23), 0);
    store(hn::InterleaveUpper(pairs, low01, low23), 1);
    store(hn::InterleaveLower(pairs, up01, up23), 2);
    store(hn::InterleaveUpper(pairs, up01, up23), 3);
  }
}

#endif

/// Writes `cols` rows of `to_width` floats: to[c][r] = from[r][c], or zero from
/// `rows` on. None of the three counts exceeds the lanes of `d`.
///
/// Copies first: rows a power of two apart fall into one cache set and would
/// evict each other before their second block is read.
template <class D>
HWY_INLINE void TransposePart(
    D d,
    const float* HWY_RESTRICT from,
    size_t from_stride,
    size_t rows,
    size_t cols,
    float* HWY_RESTRICT to,
    size_t to_stride,
    size_t to_width) {
  constexpr size_t kLanes = hn::MaxLanes(D());
  HWY_ALIGN float copy[kLanes * kLanes];
  if (rows == kLanes && cols == kLanes) {
    COPPICE_UNROLL
    for (size_t r = 0; r < kLanes; ++r) {
      hn::Store(hn::LoadU(d, from + r * from_stride), d, copy + r * kLanes);
    }
  } else {
    std::fill(copy, copy + kLanes * kLanes, 0.0f);
    for (size_t r = 0; r < rows; ++r) {
      const float* row = from + r * from_stride;
      std::copy(row, row + cols, copy + r * kLanes);
    }
  }
  if (cols == kLanes && to_width == kLanes) {
    TransposeSquare(d, copy, to, to_stride);
    return;
  }
  HWY_ALIGN float turned[kLanes * kLanes];
  TransposeSquare(d, copy, turned, kLanes);
  for (size_t c = 0; c < cols; ++c) {
    const float* row = turned + c * kLanes;
    std::copy(row, row + to_width, to + c * to_stride);
  }
}

/// Writes the sums of a tile, [rows, width], to `y`, whose rows are `stride`
/// apart; `batch` of the columns are real.
template <class D>
HWY_INLINE void StoreTile(
    D d,
    const float* sums,
    size_t rows,
    size_t width,
    size_t batch,
    float* y,
    size_t stride) {
  constexpr size_t kLanes = hn::MaxLanes(D());
  for (size_t r = 0; r < rows; r += kLanes) {
    for (size_t n = 0; n < HWY_MIN(width, batch); n += kLanes) {
      const size_t part = std::min(kLanes, rows - r);
      TransposePart(
          d,
          sums + r * width + n,
          width,
          part,
          std::min(kLanes, batch - n),
          y + n * stride + r,
          stride,
          part);
    }
  }
}

} // namespace coppice::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif // COPPICE_KERNELS_TRANSPOSE_INL_H_
