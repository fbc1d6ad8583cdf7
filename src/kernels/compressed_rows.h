#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/buffer.h"
#include "kernels/packing.h"

namespace coppice::kernels {

/// A weight for products with a single input: any pattern of zeros, best where
/// more than about 85% are zero. Each row stores its weights and, in 16 bits,
/// their columns.
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

/// The weight as it is stored, bit for bit, but for -0, which comes back as 0.
void unpack(const CompressedRows& w, float* dense);

/// y = W x + bias for the rows of W in `range`; x is [cols], y [rows], a null
/// `bias` is zero.
///
/// Dropped weights are not multiplied: where x is infinite or NaN they do not
/// make y NaN, as they do in a dense product. Denormals count as zero.
void compressed_rows_product(
    const CompressedRows& w,
    const float* x,
    const float* bias,
    Range range,
    float* y);

} // namespace coppice::kernels
