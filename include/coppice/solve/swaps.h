#pragma once

#include "coppice/export.h"
#include "coppice/solve/solvers.h"

namespace coppice {

/// The result of `swap_mask`.
struct SwappedMask {
  torch::Tensor mask; ///< kBool, shape of the weight; true keeps.
  int64_t swaps = 0;  ///< Over all rows.
};

/// Improves a mask: in each row, swaps a kept and a dropped weight while that
/// lowers the error of weight * mask, the best pair first. Rows keep their
/// number of weights; N:M groups and blocks may not. Computed in float64.
///
/// `max_swaps`: per row.
/// Errors: as `refit`.
COPPICE_API SwappedMask swap_mask(
    const torch::Tensor& weight,
    const SecondMoments& moments,
    const torch::Tensor& mask,
    int64_t max_swaps = 100);

} // namespace coppice
