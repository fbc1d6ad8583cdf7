#pragma once

#include <torch/types.h>

#include "coppice/masks/weight_norm.h"
#include "masks/masked_weight.h"

namespace coppice::masks {

/// `weight_norm_mask` under another name: `function` begins the sentences of
/// its errors. With `masked`, whose weight is `weight`, it is `renewed_mask`.
torch::Tensor norm_mask(
    const char* function,
    const torch::Tensor& weight,
    const WeightNormPattern& pattern,
    Norm norm,
    const MaskedWeight* masked = nullptr);

} // namespace coppice::masks
