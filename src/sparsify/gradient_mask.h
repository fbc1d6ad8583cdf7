#pragma once

#include <torch/types.h>

namespace coppice::sparsify {

/// Sets the gradient of `parameter` to zero where `mask` is false, also if it
/// is NaN or infinite there.
///
/// Shapes: both as the parameter; a sparse gradient (of an embedding) has its
///   rows in its first dimension. Mask: kBool, any device.
void mask_gradient_of(
    const torch::Tensor& parameter,
    const torch::Tensor& mask);

} // namespace coppice::sparsify
