#pragma once

#include <torch/types.h>

#include "coppice/export.h"

namespace coppice {

/// Keeps a band around the diagonal: element (r, c) where
/// |r - c| <= nearliness / 2. Nothing is kept if `nearliness` is 0 or less.
///
/// Shapes: `weight` is [h, w]; the mask has the same shape and device and dtype
///   kBool; true means keep. If nothing is kept, any rank is accepted.
/// Errors: c10::ValueError if a positive `nearliness` is even, or
///   nearliness / 2 >= min(h, w), or `weight` is not a matrix.
/// Source: NearlyDiagonalSparsifier.
COPPICE_API torch::Tensor nearly_diagonal_mask(
    const torch::Tensor& weight,
    int64_t nearliness);

} // namespace coppice
