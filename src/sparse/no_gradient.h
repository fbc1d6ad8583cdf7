#pragma once

#include <torch/types.h>

#include "sparse/linear.h"

namespace coppice::sparse {

/// `y`, which `op` computed of `x` and `bias`, so that a backward pass that
/// comes to it is refused where one of them asks for a gradient: products with
/// packed weights are for inference.
torch::Tensor without_gradient(
    const char* op,
    torch::Tensor y,
    const torch::Tensor& x,
    const OptionalTensor& bias);

} // namespace coppice::sparse
