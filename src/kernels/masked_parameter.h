#pragma once

#include <cstddef>
#include <cstdint>

namespace coppice::kernels {

// A parameter under a mask: `parameter` holds the effective weight, `dropped`
// the values that the mask drops, zero elsewhere. Masks are bytes, 0 or 1; 1
// keeps. All arrays have `count` elements and do not overlap. What is as it
// should be is read and not written, so that a step that changes nothing costs
// one read. NaN counts as a value that is not zero.

/// Moves what was written to dropped entries of `parameter` to `dropped`.
/// Returns whether anything was.
bool absorb_writes(
    float* parameter,
    float* dropped,
    const uint8_t* mask,
    size_t count);

/// Goes from `old_mask` to `new_mask`: moves newly dropped values to `dropped`
/// and newly kept ones back. `parameter` must be zero where `old_mask` drops.
/// Returns whether the masks differ.
bool change_mask(
    float* parameter,
    float* dropped,
    const uint8_t* old_mask,
    const uint8_t* new_mask,
    size_t count);

/// Sets `gradient` to zero where `mask` drops, by selection: also where it is
/// NaN or infinite.
void mask_gradient(float* gradient, const uint8_t* mask, size_t count);

} // namespace coppice::kernels
