#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/buffer.h"
#include "kernels/packing.h"

namespace coppice::kernels {

/// A weight whose zeros come in blocks along the output: 4x1, 8x1, 16x1. A
/// panel of `height` rows stores each column that has a weight in it whole.
struct OutputBlocks {
  size_t rows = 0;
  size_t cols = 0;
  size_t height = 16; ///< 4, 8 or 16.
  size_t panels = 0;  ///< ceil(rows / height).
  Values values;      ///< [blocks, height]; rows that are not there are 0.
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

/// The weight as it is stored, bit for bit, but for -0 in blocks that store
/// nothing else, which comes back as 0.
void unpack(const OutputBlocks& w, float* dense);

/// y = x W^T + bias for the rows of W in `panels`; y is [batch, rows]
/// row-major, a null `bias` is zero. For a batch of 1 `x` is the input itself,
/// else what `transpose_batch` wrote.
///
/// Dropped blocks are not multiplied: where x is infinite or NaN they do not
/// make y NaN, as they do in a dense product; zeros inside a stored block do.
/// Denormals count as zero.
void output_blocks_product(
    const OutputBlocks& w,
    const float* x,
    size_t batch,
    const float* bias,
    Range panels,
    float* y);

} // namespace coppice::kernels
