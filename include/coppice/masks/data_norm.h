#pragma once

#include <torch/types.h>

#include "coppice/export.h"
#include "coppice/masks/norm.h"
#include "coppice/masks/weight_norm.h"

namespace coppice {

/// The mask of DataNormSparsifier: the `round(sparsity_level * blocks)` blocks
/// with the lowest mean norm lose their `zeros_per_block` lowest elements.
///
/// Unlike with `weight_norm_mask`, a level close to 1 may drop all blocks, and
/// data may have one dimension. Dimensions of one element do not count: [8],
/// [8, 1] and [1, 8] are all seen as one row of 8.
///
/// Shapes: `data` has at most two dimensions of more than one element. The mask
///   has the shape and device of `data` and dtype kBool; true means keep.
/// Rounding: half to even. Levels outside [0, 1] are clamped.
/// Ties, speed and memory: as `weight_norm_mask`.
/// Errors: c10::ValueError as `weight_norm_mask`, but for more than two
///   dimensions that count instead of fewer than two.
/// Source: DataNormSparsifier of torch.ao.pruning.
COPPICE_API torch::Tensor data_norm_mask(
    const torch::Tensor& data,
    const WeightNormPattern& pattern,
    Norm norm = Norm::L1);

} // namespace coppice
