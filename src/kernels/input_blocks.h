#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/buffer.h"
#include "kernels/packing.h"

namespace coppice::kernels {

/// A weight whose zeros come in blocks along the input: 1x4, 1x8, 1x16; for
/// products with a single input. (`PatternPanels` serves a batch.)
struct InputBlocks {
  size_t rows = 0;
  size_t cols = 0;
  size_t width = 4;        ///< 4, 8 or 16.
  Values values;           ///< [stored blocks, width]; past the last column 0.
  Buffer<uint16_t> blocks; ///< Of a stored block its first column / width.
  Buffer<uint64_t> begins; ///< [rows + 1], where each row's blocks begin.
};

/// Packs `w`, [rows, cols] row-major, of at most 65536 * width columns.
InputBlocks pack_input_blocks(
    const float* w,
    size_t rows,
    size_t cols,
    size_t width,
    const Packing& packing = {});

/// The weight as it is stored, bit for bit, but for -0 in blocks that store
/// nothing else, which comes back as 0.
void unpack(const InputBlocks& w, float* dense);

/// y = W x + bias for the rows of W in `range`; x is [cols], y [rows], a null
/// `bias` is zero.
///
/// Dropped blocks are not multiplied: where x is infinite or NaN they do not
/// make y NaN, as they do in a dense product; zeros inside a stored block do.
/// Denormals count as zero.
void input_blocks_product(
    const InputBlocks& w,
    const float* x,
    const float* bias,
    Range range,
    float* y);

} // namespace coppice::kernels
