#pragma once

#include <cstddef>

namespace coppice::kernels {

/// The score of a block is the mean of this over its elements.
enum class Measure {
  kValue,     ///< x
  kMagnitude, ///< |x|
  kSquare,    ///< x * x, rounded before it is added
};

/// The mean of every block of one row of blocks, over the elements that exist.
///
/// `values` is [rows, width], row-major; `scores` holds ceil(width / cols). The
/// order of summation is fixed, so that every instruction set gives the same
/// bits: a row of four columns adds (a + b) + (c + d), any other row from left
/// to right; rows add from top to bottom.
///
/// Returns whether every value is finite. Vectorized for one and four columns.
bool block_scores(
    const float* values,
    size_t rows,
    size_t width,
    size_t cols,
    Measure measure,
    float* scores);

} // namespace coppice::kernels
