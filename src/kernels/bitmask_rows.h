#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/buffer.h"
#include "kernels/packing.h"

namespace coppice::kernels {

/// A weight for products with a single input: any pattern of zeros, N:M among
/// them, best where less than about 85% are zero. A bit for each weight says
/// whether it is stored; the stored ones follow each other. (For 2:4 the bits
/// take as much room as two positions of two bits would.)
struct BitmaskRows {
  size_t rows = 0;
  size_t cols = 0;
  size_t words = 0;        ///< Words of a row: ceil(cols / 64).
  Buffer<uint64_t> mask;   ///< [rows, words], the lowest bit first.
  Values values;           ///< With 32 zeros at the end, which are read.
  Buffer<uint64_t> begins; ///< [rows + 1], where each row begins in `values`.
  /// Whether every four of the columns that whole words cover store two.
  bool keeps_two_of_four = false;
};

/// Packs `w`, [rows, cols] row-major.
BitmaskRows pack_bitmask_rows(
    const float* w,
    size_t rows,
    size_t cols,
    const Packing& packing = {});

/// The weight as it is stored, bit for bit, but for -0, which comes back as 0.
void unpack(const BitmaskRows& w, float* dense);

/// y = W x + bias for the rows of W in `range`; x is [cols], y [rows], a null
/// `bias` is zero.
///
/// As in a dense product, a dropped weight times an infinite or NaN input is
/// NaN, but in the last cols % 64 columns, and with AVX-512 where every four
/// columns store two. Denormals count as zero.
void bitmask_rows_product(
    const BitmaskRows& w,
    const float* x,
    const float* bias,
    Range range,
    float* y);

} // namespace coppice::kernels
