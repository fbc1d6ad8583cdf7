#pragma once

#include <torch/types.h>

#include "coppice/masks/weight_norm.h"
#include "masks/masked_weight.h"

namespace coppice::masks {

/// Whether dropped blocks lose every element.
inline bool drops_whole_blocks(const WeightNormPattern& pattern) {
  return pattern.zeros_per_block == pattern.sparse_block_shape.size();
}

/// `weight_norm_mask` with errors prefixed by `function`. With `masked`, whose
/// weight is `weight`, it is `renewed_mask`.
torch::Tensor norm_mask(
    const char* function,
    const torch::Tensor& weight,
    const WeightNormPattern& pattern,
    Norm norm,
    const MaskedWeight* masked = nullptr);

} // namespace coppice::masks
