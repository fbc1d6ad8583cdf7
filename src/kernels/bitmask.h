#pragma once

#include <cstddef>
#include <cstdint>

/// Sparse tensors as a bitmask and the elements that are not zero. An element
/// is `width` bytes, 2, 4 or 8, and zero only if all of its bits are: -0 is
/// kept. Bit i % 8 of byte i / 8 is element i. No pointer needs alignment.
namespace coppice::kernels {

/// How many elements are not zero.
size_t count_nonzeros(const std::byte* values, size_t count, size_t width);

/// Writes ceil(count / 8) bytes to `bits`; what is left of the last one is 0.
void nonzero_bits(
    const std::byte* values,
    size_t count,
    size_t width,
    uint8_t* bits);

/// Writes the elements that are not zero to `nonzeros`, in order, and returns
/// how many they are. `nonzeros` has room for `count` elements, whatever that
/// number, and all of it may be written.
size_t compress_nonzeros(
    const std::byte* values,
    size_t count,
    size_t width,
    std::byte* nonzeros);

/// How many of the first `count` bits are set.
size_t count_bits(const uint8_t* bits, size_t count);

/// The inverse of `nonzero_bits` and `compress_nonzeros`: writes `count`
/// elements to `values` and returns how many of `nonzeros` it took, which is
/// what `count_bits` says.
size_t expand_nonzeros(
    const uint8_t* bits,
    const std::byte* nonzeros,
    size_t count,
    size_t width,
    std::byte* values);

} // namespace coppice::kernels
