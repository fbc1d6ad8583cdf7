#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/buffer.h"
#include "kernels/packing.h"

namespace coppice::kernels {

/// A weight for products with a single input: any pattern of zeros, N:M
/// included, best below about 85% zeros. A bit for each weight says whether it
/// is stored; the stored ones are contiguous. (For 2:4 the bits take as much
/// space as two 2-bit positions.)
struct BitmaskRows {
  size_t rows = 0;
  size_t cols = 0;
  size_t words = 0;        ///< Mask words in a row: ceil(cols / 64).
  Buffer<uint64_t> mask;   ///< [rows, words], lowest bit first.
  Values values;           ///< Padded by 32 zeros, which are read.
  Buffer<uint64_t> begins; ///< [rows + 1], where each row begins in `values`.
  /// Whether every four columns store exactly two weights, in the columns that
  /// whole words cover.
  bool keeps_two_of_four = false;
};

/// Packs `w`, [rows, cols] row-major.
BitmaskRows pack_bitmask_rows(
    const float* w,
    size_t rows,
    size_t cols,
    const Packing& packing = {});

/// The weight as stored, bit for bit, except that -0 becomes 0.
void unpack(const BitmaskRows& w, float* dense);

/// y = W x + bias for the rows of W in `range`; x is [cols], y [rows], a null
/// `bias` means none.
///
/// As in a dense product, a dropped weight times an infinite or NaN input is
/// NaN. Exceptions: the last cols % 64 columns, and AVX-512 with
/// `keeps_two_of_four`. Denormals are flushed to zero.
void bitmask_rows_product(
    const BitmaskRows& w,
    const float* x,
    const float* bias,
    Range range,
    float* y);

} // namespace coppice::kernels
