#pragma once

#include <torch/types.h>

namespace coppice {

/// `gradient` with zeros where `mask` is false, also where it is NaN or
/// infinite there. Written in place when nobody else can see the gradient.
///
/// Shapes: both as the parameter; a sparse gradient (of an embedding) has its
///   rows in its first dimension. Mask: kBool, any device.
torch::Tensor masked_gradient(
    const torch::Tensor& gradient,
    const torch::Tensor& mask);

} // namespace coppice
