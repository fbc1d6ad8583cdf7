#pragma once

#include <torch/types.h>

#include <array>
#include <cstdint>

#include "sparse/linear.h"

namespace coppice::sparse {

/// How a convolution steps; each a pair of height and width.
struct ConvSteps {
  std::array<int64_t, 2> stride;
  std::array<int64_t, 2> padding;
  std::array<int64_t, 2> dilation;
};

/// Takes one number or two of each and checks them.
ConvSteps conv_steps(
    const char* function,
    c10::IntArrayRef stride,
    c10::IntArrayRef padding,
    c10::IntArrayRef dilation);

/// The result, not yet filled, with the memory format of `x`; or an error if
/// the operands do not fit.
torch::Tensor conv2d_result(
    const char* function,
    const torch::Tensor& x,
    const PackedWeight& w,
    const OptionalTensor& bias,
    const ConvSteps& steps);

torch::Tensor conv2d_cpu(
    const char* function,
    const torch::Tensor& x,
    const PackedWeight& w,
    const OptionalTensor& bias,
    const ConvSteps& steps,
    bool relu);

} // namespace coppice::sparse
