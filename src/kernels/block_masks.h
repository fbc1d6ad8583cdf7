#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/order.h"

/// Masks of one row of blocks: [rows, width], row-major, a byte an element, 1
/// keeps. The last block may be cut off.
namespace coppice::kernels {

/// Writes the decision of every block, ceil(width / cols) bytes, to each of its
/// elements.
void expand_blocks(
    const uint8_t* block_mask,
    size_t rows,
    size_t width,
    size_t cols,
    uint8_t* mask);

/// Drops the `zeros` lowest values of every block; of equal ones the first in
/// row-major order goes first. A block of fewer elements loses all of them.
/// Blocks that `block_mask` keeps lose nothing; null keeps none.
///
/// Returns whether every value is finite. Fast for blocks (1, 4).
bool zeros_in_blocks(
    const float* values,
    size_t rows,
    size_t width,
    size_t cols,
    size_t zeros,
    Order order,
    const uint8_t* block_mask,
    uint8_t* mask);

/// Whether `zeros_in_blocks` of blocks (1, 4) by magnitude would give `mask`
/// again, for that is plain to see: in every block `zeros` elements are
/// dropped, which are zero, and the others are not, and finite. False if in
/// doubt. `width` is a multiple of 4. A small part of the work of
/// `zeros_in_blocks`.
bool mask_holds_in_fours(
    const float* values,
    const uint8_t* mask,
    size_t width,
    size_t zeros);

} // namespace coppice::kernels
