#pragma once

#include <cstddef>

#include "kernels/packing.h"
#include "kernels/range.h"

namespace coppice::kernels {

/// A dense weight.
struct DenseRows {
  size_t rows = 0;
  size_t cols = 0;
  Values values; ///< [rows, cols]
};

/// Packs `w`, [rows, cols] row-major.
DenseRows pack_dense_rows(
    const float* w,
    size_t rows,
    size_t cols,
    const Packing& packing = {});

/// The weight as stored, bit for bit.
void unpack(const DenseRows& w, float* dense);

/// y = x W^T + bias for the rows of W in `range`: x [batch, cols], y [batch,
/// rows], row-major; a null `bias` means none.
///
/// Meant for batches up to 8, where memory bandwidth is the limit; larger ones
/// are done eight at a time. Denormals are flushed to zero.
void dense_product(
    const DenseRows& w,
    const float* x,
    size_t batch,
    const float* bias,
    Range range,
    float* y);

} // namespace coppice::kernels
