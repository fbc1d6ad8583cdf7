#pragma once

#include <torch/types.h>

#include "coppice/sparse/packed_weight.h"
#include "sparse/conv2d.h"
#include "sparse/linear.h"

/// The operators where gradients are recorded: they call the operator below
/// autograd and know the way back, through the dense weight.
namespace coppice::sparse {

/// Whether a gradient is asked of the operands, so that one of the below is
/// needed.
bool needs_gradient(const torch::Tensor& x, const OptionalTensor& bias);

torch::Tensor linear_with_gradient(
    const torch::Tensor& x,
    const c10::intrusive_ptr<PackedWeight>& w,
    const OptionalTensor& bias,
    bool relu);

torch::Tensor conv2d_with_gradient(
    const torch::Tensor& x,
    const c10::intrusive_ptr<PackedWeight>& w,
    const OptionalTensor& bias,
    const ConvSteps& steps,
    bool relu);

} // namespace coppice::sparse
