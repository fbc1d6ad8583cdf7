#pragma once

#include <cstddef>
#include <cstdint>

/// Sparse tensors as a bitmask and the nonzero elements. An element has `width`
/// bytes, 2, 4 or 8, and is zero only if all its bits are: -0 is kept. Bit i %
/// 8 of byte i / 8 is element i. Pointers need no alignment.
namespace coppice::kernels {

/// The number of nonzero elements.
size_t count_nonzeros(const std::byte* values, size_t count, size_t width);

/// Writes ceil(count / 8) bytes to `bits`; unused bits of the last one are 0.
void nonzero_bits(
    const std::byte* values,
    size_t count,
    size_t width,
    uint8_t* bits);

/// Writes the nonzero elements to `nonzeros`, in order, and returns their
/// number. `nonzeros` must have room for `count` elements: all of it may be
/// written.
size_t compress_nonzeros(
    const std::byte* values,
    size_t count,
    size_t width,
    std::byte* nonzeros);

/// The number of set bits among the first `count`.
size_t count_bits(const uint8_t* bits, size_t count);

/// The inverse of `nonzero_bits` and `compress_nonzeros`: writes `count`
/// elements to `values` and returns how many of `nonzeros` it read, which
/// equals `count_bits`.
size_t expand_nonzeros(
    const uint8_t* bits,
    const std::byte* nonzeros,
    size_t count,
    size_t width,
    std::byte* values);

} // namespace coppice::kernels
