#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/buffer.h"
#include "kernels/packing.h"

namespace coppice::kernels {

/// A weight whose zeros form blocks along the output: 4x1, 8x1, 16x1. A panel
/// of `height` rows stores each column that has a nonzero in it.
struct OutputBlocks {
  size_t rows = 0;
  size_t cols = 0;
  size_t height = 16;       ///< 4, 8 or 16.
  size_t panels = 0;        ///< ceil(rows / height).
  Values values;            ///< [blocks, height]; 0 past the last row.
  Buffer<uint16_t> columns; ///< [blocks]
  Buffer<uint64_t> begins;  ///< [panels + 1], where each panel's blocks begin.
};

/// Packs `w`, [rows, cols] row-major, of at most 65536 columns.
OutputBlocks pack_output_blocks(
    const float* w,
    size_t rows,
    size_t cols,
    size_t height,
    const Packing& packing = {});

/// The weight as stored, bit for bit, except that -0 becomes 0 in blocks of
/// zeros alone.
void unpack(const OutputBlocks& w, float* dense);

/// y = x W^T + bias for the rows of W in `panels`; y is [batch, rows]
/// row-major, a null `bias` means none. `x` is the output of `transpose_batch`,
/// or the input itself if `batch` is 1.
///
/// Dropped blocks are not multiplied: unlike in a dense product, an infinite or
/// NaN input does not make y NaN through them. Zeros in a stored block are
/// multiplied. Denormals are flushed to zero.
void output_blocks_product(
    const OutputBlocks& w,
    const float* x,
    size_t batch,
    const float* bias,
    Range panels,
    float* y);

} // namespace coppice::kernels
