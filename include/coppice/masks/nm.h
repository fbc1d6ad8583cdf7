#pragma once

#include <torch/types.h>

#include "coppice/core/pattern.h"
#include "coppice/export.h"

namespace coppice {

/// Keeps the `n` highest of every `m` neighbours along the input dimension
/// (all dimensions but the first, flattened).
///
/// Shapes: `scores` is [out, ...]; the mask has the same shape and dtype kBool;
///   true means keep. If m does not divide the row, the last group is shorter
///   and loses at most m - n.
/// Ties: the lower index is dropped, as in every mask.
/// Errors: c10::ValueError unless 0 < n <= m, `scores` is floating, not empty
///   and has two or more dimensions.
/// Source: Mishra et al. 2021, arXiv:2104.08378; equals WeightNormSparsifier at
///   level 1 with block (1, m) and m - n zeros per block.
COPPICE_API torch::Tensor nm_mask(const torch::Tensor& scores, Nm pattern);

} // namespace coppice
