#pragma once

#include <cstddef>
#include <cstdint>

namespace coppice::kernels {

// A parameter with a mask: `parameter` holds the effective weight, `dropped`
// the values that the mask drops, and zero elsewhere. Masks are bytes, 0 or 1;
// 1 keeps. All arrays have `count` elements and do not overlap. Memory that
// need not change is only read, so that a step without changes costs one read.
// NaN counts as nonzero.

/// Moves nonzero values at dropped entries of `parameter` to `dropped`. Returns
/// whether there were any.
bool absorb_writes(
    float* parameter,
    float* dropped,
    const uint8_t* mask,
    size_t count);

/// Replaces `old_mask` by `new_mask`: moves newly dropped values to `dropped`
/// and newly kept ones back. `parameter` must be zero where `old_mask` drops.
/// Returns whether the masks differ.
bool change_mask(
    float* parameter,
    float* dropped,
    const uint8_t* old_mask,
    const uint8_t* new_mask,
    size_t count);

/// Sets `gradient` to zero where `mask` drops. Selects instead of multiplying,
/// so that NaN and infinity become zero too.
void mask_gradient(float* gradient, const uint8_t* mask, size_t count);

} // namespace coppice::kernels
