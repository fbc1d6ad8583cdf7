#include "kernels/transpose.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/transpose.cpp"
#include "hwy/foreach_target.h" // IWYU pragma: keep
// After foreach_target.h.
#include "hwy/highway.h"
#include "kernels/transpose-inl.h"

HWY_BEFORE_NAMESPACE();
namespace coppice::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Transposes `batch` rows of `x` to a tile of `width`.
template <class D>
void TransposeTile(
    D d,
    const float* x,
    size_t batch,
    size_t cols,
    Range columns,
    size_t width,
    float* tile) {
  constexpr size_t kLanes = hn::MaxLanes(D());
  for (size_t k = columns.begin; k < columns.end; k += kLanes) {
    for (size_t n = 0; n < width; n += kLanes) {
      const size_t rows = std::min(kLanes, batch - std::min(n, batch));
      TransposePart(
          d,
          x + std::min(n, batch) * cols + k,
          cols,
          rows,
          std::min(kLanes, columns.end - k),
          tile + k * width + n,
          width,
          kLanes);
    }
  }
}

void TransposeBatch(
    const float* x,
    size_t batch,
    size_t cols,
    Range columns,
    float* transposed) {
  ForEachTile(batch, cols, [&](size_t first, size_t width, size_t offset) {
    const float* rows = x + first * cols;
    const size_t real = std::min(width, batch - first);
    float* tile = transposed + offset;
    if (width % kWideLanes == 0) {
      TransposeTile(Wide(), rows, real, cols, columns, width, tile);
    } else {
      TransposeTile(Narrow(), rows, real, cols, columns, width, tile);
    }
  });
}

size_t TransposedSize(size_t batch, size_t cols) {
  size_t size = 0;
  ForEachTile(batch, cols, [&](size_t, size_t width, size_t offset) {
    size = offset + width * cols;
  });
  return size;
}

size_t TileWidthFor(size_t left) {
  return TileWidth(left);
}

void Transpose(
    const float* from,
    size_t rows,
    size_t cols,
    size_t from_stride,
    float* to,
    size_t to_stride) {
  for (size_t r = 0; r < rows; r += kWideLanes) {
    const size_t part = std::min(kWideLanes, rows - r);
    for (size_t c = 0; c < cols; c += kWideLanes) {
      TransposePart(
          Wide(),
          from + r * from_stride + c,
          from_stride,
          part,
          std::min(kWideLanes, cols - c),
          to + c * to_stride + r,
          to_stride,
          part);
    }
  }
}

} // namespace coppice::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace coppice::kernels {

HWY_EXPORT(TransposeBatch);
HWY_EXPORT(TransposedSize);
HWY_EXPORT(TileWidthFor);
HWY_EXPORT(Transpose);

size_t transposed_size(size_t batch, size_t cols) {
  return HWY_DYNAMIC_DISPATCH(TransposedSize)(batch, cols);
}

void transpose_batch(
    const float* x,
    size_t batch,
    size_t cols,
    Range columns,
    float* transposed) {
  HWY_DYNAMIC_DISPATCH(TransposeBatch)(x, batch, cols, columns, transposed);
}

size_t tile_width(size_t left) {
  return HWY_DYNAMIC_DISPATCH(TileWidthFor)(left);
}

void transpose(
    const float* from,
    size_t rows,
    size_t cols,
    size_t from_stride,
    float* to,
    size_t to_stride) {
  HWY_DYNAMIC_DISPATCH(Transpose)
  (from, rows, cols, from_stride, to, to_stride);
}

} // namespace coppice::kernels
#endif // HWY_ONCE
