#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/order.h"

/// Masks of one row of blocks: [rows, width], row-major, one byte an element, 1
/// keeps. The last block may be partial.
namespace coppice::kernels {

/// Writes the mask byte of every block, ceil(width / cols) of them, to each of
/// its elements.
void expand_blocks(
    const uint8_t* block_mask,
    size_t rows,
    size_t width,
    size_t cols,
    uint8_t* mask);

/// Drops the `zeros` lowest values of every block; ties: the first in row-major
/// order is dropped. A block with fewer elements loses all of them. Blocks that
/// `block_mask` keeps lose none; null keeps no block.
///
/// Returns whether every value is finite. Vectorized for blocks (1, 4).
bool zeros_in_blocks(
    const float* values,
    size_t rows,
    size_t width,
    size_t cols,
    size_t zeros,
    Order order,
    const uint8_t* block_mask,
    uint8_t* mask);

/// A cheap sufficient test that `zeros_in_blocks` with blocks (1, 4) by
/// magnitude would give `mask` again: in every block exactly `zeros` elements
/// are dropped, these are zero, and the others are nonzero and finite. `width`
/// is a multiple of 4.
bool mask_holds_in_fours(
    const float* values,
    const uint8_t* mask,
    size_t width,
    size_t zeros);

} // namespace coppice::kernels
