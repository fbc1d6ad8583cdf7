#pragma once

#include <cstddef>

#include "coppice/kernels/range.h"

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

} // namespace coppice::kernels
