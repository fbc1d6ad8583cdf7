#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/buffer.h"
#include "kernels/packing.h"

namespace coppice::kernels {

/// A weight whose zeros form blocks along the input: 1x4, 1x8, 1x16; for
/// products with a single input. (`PatternPanels` serves batches.)
struct InputBlocks {
  size_t rows = 0;
  size_t cols = 0;
  size_t width = 4;        ///< 4, 8 or 16.
  Values values;           ///< [stored blocks, width]; 0 past the last column.
  Buffer<uint16_t> blocks; ///< First column / width of each.
  Buffer<uint64_t> begins; ///< [rows + 1], where each row's blocks begin.
};

/// Packs `w`, [rows, cols] row-major, of at most 65536 * width columns.
InputBlocks pack_input_blocks(
    const float* w,
    size_t rows,
    size_t cols,
    size_t width,
    const Packing& packing = {});

/// The weight as stored, bit for bit, except that -0 becomes 0 in blocks of
/// zeros alone.
void unpack(const InputBlocks& w, float* dense);

/// y = W x + bias for the rows of W in `range`; x is [cols], y [rows], a null
/// `bias` means none.
///
/// Dropped blocks are not multiplied: unlike in a dense product, an infinite or
/// NaN input does not make y NaN through them. Zeros in a stored block are
/// multiplied. Denormals are flushed to zero.
void input_blocks_product(
    const InputBlocks& w,
    const float* x,
    const float* bias,
    Range range,
    float* y);

} // namespace coppice::kernels
