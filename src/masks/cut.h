#pragma once

#include <cstdint>

#include "kernels/cut.h"
#include "kernels/order.h"
#include "masks/masked_weight.h"

namespace coppice::masks::cpu {

/// A cut, and whether all values are finite.
struct CheckedCut {
  kernels::Cut cut;
  bool finite = true;
};

/// The cut that drops exactly `drop` of `count` values, 0 < drop <= count.
///
/// A sample brackets the cut; one pass counts the values below the bracket and
/// copies those inside, among which the cut is found in the same way. The
/// result is exact for every sample; a bad one costs time. `masked`, unless
/// null, absorbs writes to the values before they are read.
/// Memory: at most one copy of the values.
/// Source: Floyd and Rivest 1975, "Expected time bounds for selection".
CheckedCut find_cut(
    const float* values,
    int64_t count,
    int64_t drop,
    kernels::Order order,
    const MaskedWeight* masked = nullptr);

/// Writes the mask of `cut`: `count` bytes, 1 keeps. Returns the number of ties
/// dropped, at most `cut.ties`.
int64_t write_mask(
    const float* values,
    int64_t count,
    const kernels::Cut& cut,
    kernels::Order order,
    uint8_t* mask);

} // namespace coppice::masks::cpu
