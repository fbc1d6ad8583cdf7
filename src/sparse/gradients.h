#pragma once

#include <torch/types.h>

#include "coppice/sparse/packed_weight.h"
#include "sparse/conv2d.h"
#include "sparse/linear.h"

/// The operators with autograd: they call the operator below autograd and
/// differentiate through the dense weight.
namespace coppice::sparse {

/// Whether an operand requires a gradient.
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
