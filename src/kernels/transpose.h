#pragma once

#include <cstddef>

#include "kernels/range.h"

namespace coppice::kernels {

/// The number of floats that `transpose_batch` writes.
size_t transposed_size(size_t batch, size_t cols);

/// Transposes `x`, [batch, cols] row-major, for the products over a batch:
/// tiles of the batch, each [cols, width], padded with zeros. The widths depend
/// on the instruction set: write and read in one process.
///
/// Writes the part of `columns`, so that threads can share the work;
/// `transposed` holds `transposed_size` floats.
void transpose_batch(
    const float* x,
    size_t batch,
    size_t cols,
    Range columns,
    float* transposed);

/// The width of the next tile if `left` > 0 rows of the batch are left. A
/// caller that has the input by columns writes tiles itself, padded with zeros.
size_t tile_width(size_t left);

/// to[c][r] = from[r][c]. `from` has `rows` rows of `cols` floats,
/// `from_stride` apart; rows of `to` are `to_stride` apart.
void transpose(
    const float* from,
    size_t rows,
    size_t cols,
    size_t from_stride,
    float* to,
    size_t to_stride);

} // namespace coppice::kernels
