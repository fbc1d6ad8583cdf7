#pragma once

#include <torch/types.h>

#include "coppice/masks/weight_norm.h"

namespace coppice::masks {

/// `weight_norm_mask_out` under another name: `function` begins the sentences
/// of its errors.
torch::Tensor& norm_mask_out(
    const char* function,
    torch::Tensor& out,
    const torch::Tensor& weight,
    const WeightNormPattern& pattern,
    Norm norm,
    const BeforeScoring& before_scoring = {},
    const torch::Tensor& present = {});

} // namespace coppice::masks
