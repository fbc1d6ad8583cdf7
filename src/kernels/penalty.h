#pragma once

#include <cstddef>
#include <cstdint>

/// The steps of a search for a mask by alternating directions that are no
/// products. Of an entry that is kept `wanted` is its value, of one that is
/// dropped its price over the penalty.
namespace coppice::kernels {

/// to[i] = right[i] + kept * wanted[i] where `mask` keeps, else
/// right[i] + dropped * wanted[i].
void add_wanted(
    const float* right,
    const float* wanted,
    const uint8_t* mask,
    float kept,
    float dropped,
    size_t count,
    float* to);

/// wanted[i] = fitted[i] where `mask` keeps, else fitted[i] + ratio *
/// wanted[i]; squares[i] = wanted[i]^2.
void want(
    const float* fitted,
    const uint8_t* mask,
    float ratio,
    size_t count,
    float* wanted,
    float* squares);

} // namespace coppice::kernels
