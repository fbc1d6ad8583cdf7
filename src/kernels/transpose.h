#pragma once

#include <cstddef>

#include "kernels/range.h"

namespace coppice::kernels {

/// How many floats `transpose_batch` writes for an input of that shape.
size_t transposed_size(size_t batch, size_t cols);

/// Lays `x`, [batch, cols] row-major, out as the products over a batch read it:
/// in tiles of the batch, each [cols, width], with zeros where the batch ends.
/// The widths depend on the instruction set: write and read in one process.
///
/// Writes the part of `columns`, so that threads share the work; `transposed`
/// holds `transposed_size` floats.
void transpose_batch(
    const float* x,
    size_t batch,
    size_t cols,
    Range columns,
    float* transposed);

/// How wide the tile is that begins where `left` > 0 rows of the batch are
/// left: who has the input by columns writes its tiles, with zeros where the
/// batch ends, without `transpose_batch`.
size_t tile_width(size_t left);

/// to[c][r] = from[r][c]: `from` has `rows` rows of `cols` floats that are
/// `from_stride` apart, `to` as many columns, its rows `to_stride` apart.
void transpose(
    const float* from,
    size_t rows,
    size_t cols,
    size_t from_stride,
    float* to,
    size_t to_stride);

} // namespace coppice::kernels
