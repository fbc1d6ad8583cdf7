#pragma once

#include <cstddef>

namespace coppice::kernels {

/// What the score of a block is the mean of.
enum class Measure {
  kValue,     ///< x
  kMagnitude, ///< |x|
  kSquare,    ///< x * x, rounded before it is added
};

/// The mean of every block of one row of blocks, over its real elements.
///
/// `values` is [rows, width], row-major; `scores` holds ceil(width / cols).
/// The order of the sum is fixed, so results are the same on every instruction
/// set: a row of four columns adds (a + b) + (c + d), any other row from left
/// to right; rows add from top to bottom.
///
/// Returns whether every value is finite. Fast for one and for four columns.
bool block_scores(
    const float* values,
    size_t rows,
    size_t width,
    size_t cols,
    Measure measure,
    float* scores);

} // namespace coppice::kernels
