#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/buffer.h"
#include "kernels/packing.h"

namespace coppice::kernels {

/// A weight for products with a single input: any pattern of zeros, best above
/// about 85% zeros. Each row stores its weights and their 16-bit columns (CSR).
struct CompressedRows {
  size_t rows = 0;
  size_t cols = 0;
  Values values;
  Buffer<uint16_t> columns;
  Buffer<uint64_t> begins; ///< [rows + 1], where each row begins in `values`.
};

/// Packs `w`, [rows, cols] row-major, of at most 65536 columns.
CompressedRows pack_compressed_rows(
    const float* w,
    size_t rows,
    size_t cols,
    const Packing& packing = {});

/// The weight as stored, bit for bit, except that -0 becomes 0.
void unpack(const CompressedRows& w, float* dense);

/// y = W x + bias for the rows of W in `range`; x is [cols], y [rows], a null
/// `bias` means none.
///
/// Dropped weights are not multiplied: unlike in a dense product, an infinite
/// or NaN input does not make y NaN through them. Denormals are flushed to
/// zero.
void compressed_rows_product(
    const CompressedRows& w,
    const float* x,
    const float* bias,
    Range range,
    float* y);

} // namespace coppice::kernels
