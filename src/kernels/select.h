#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/order.h"

/// The passes of an exact selection of the lowest values of a large array.
namespace coppice::kernels {

/// The numbers of values with keys below, at and between low <= high.
struct BracketCounts {
  size_t below = 0;            ///< key < low
  size_t at_low = 0;           ///< key == low
  size_t inside = 0;           ///< low < key < high
  size_t at_high = 0;          ///< key == high
  int32_t highest = INT32_MIN; ///< The highest key of all values.
};

/// Counts `count` values against [low, high] and writes those strictly inside
/// to `inside`, in order. `inside` has room for `count` values; all of it may
/// be written.
BracketCounts count_in_bracket(
    const float* values,
    size_t count,
    Order order,
    int32_t low,
    int32_t high,
    float* inside);

/// The result of `split_at_bracket`.
struct Split {
  size_t dropped = 0;  ///< key <= low
  size_t inside = 0;   ///< low < key < high
  int32_t highest = 0; ///< The highest key of all values.
};

/// Masks by magnitude with a bracket (low, high) of the threshold: mask[i] =
/// key of values[i] > low. Values strictly inside the bracket and their indices
/// go to `inside` and `indices`, in order, to be decided later. Both have room
/// for `count` values; all of it may be written.
Split split_at_bracket(
    const float* values,
    size_t count,
    int32_t low,
    int32_t high,
    uint8_t* mask,
    float* inside,
    int32_t* indices);

/// mask[i] = key of values[i] > cut. Returns the number of keys equal to `cut`.
size_t keep_above(
    const float* values,
    size_t count,
    Order order,
    int32_t cut,
    uint8_t* mask);

/// mask[i] = 1 where the key of values[i] equals `cut`, except for the first
/// `dropped` of them.
void keep_ties(
    const float* values,
    size_t count,
    Order order,
    int32_t cut,
    size_t dropped,
    uint8_t* mask);

} // namespace coppice::kernels
