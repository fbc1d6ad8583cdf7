#pragma once

#include <torch/types.h>

#include <array>
#include <cstdint>

#include "sparse/linear.h"

namespace coppice::sparse {

/// The steps of a convolution, each a pair of height and width.
struct ConvSteps {
  std::array<int64_t, 2> stride;
  std::array<int64_t, 2> padding;
  std::array<int64_t, 2> dilation;
};

/// Expands and checks arguments of one or two numbers.
///
/// Errors: c10::ValueError.
ConvSteps conv_steps(
    const char* function,
    c10::IntArrayRef stride,
    c10::IntArrayRef padding,
    c10::IntArrayRef dilation);

/// An uninitialized result with the memory format of `x`.
///
/// Errors: c10::ValueError or c10::TypeError if the operands do not match.
torch::Tensor conv2d_result(
    const char* function,
    const torch::Tensor& x,
    const PackedWeight& w,
    const OptionalTensor& bias,
    const ConvSteps& steps);

/// The convolution on the CPU. `relu`: negative results become 0.
torch::Tensor conv2d_cpu(
    const char* function,
    const torch::Tensor& x,
    const PackedWeight& w,
    const OptionalTensor& bias,
    const ConvSteps& steps,
    bool relu);

} // namespace coppice::sparse
