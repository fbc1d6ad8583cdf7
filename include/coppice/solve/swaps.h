#pragma once

#include "coppice/export.h"
#include "coppice/solve/solvers.h"

namespace coppice {

/// What `swap_mask` made of a mask.
struct SwappedMask {
  torch::Tensor mask; ///< kBool, shape of the weight; true keeps.
  int64_t swaps = 0;  ///< In all rows.
};

/// Betters a mask: in each row, a kept weight and a dropped one change places
/// while that lowers the error of weight * mask, the pair that lowers it most
/// first. Rows keep as many weights as they had; groups of N:M and blocks need
/// not. Computed in float64.
///
/// `max_swaps`: in a row.
/// Errors: as `refit`.
COPPICE_API SwappedMask swap_mask(
    const torch::Tensor& weight,
    const SecondMoments& moments,
    const torch::Tensor& mask,
    int64_t max_swaps = 100);

} // namespace coppice
