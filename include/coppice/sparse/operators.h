#pragma once

#include <torch/types.h>

#include <cstdint>

#include "coppice/export.h"
#include "coppice/sparse/packed_weight.h"

/// The operators on packed weights. TorchScript and Python have them too, as
/// `torch.ops.coppice.linear` and so on, once the library is loaded.
///
/// They take float32 on the CPU, of any strides. They use the threads of
/// `torch::set_num_threads`; results do not depend on their number, bit for
/// bit. A call allocates only its result (and a copy of an input that is not
/// contiguous): each thread reuses its scratch. Denormals are flushed to zero
/// during the call only.
///
/// Gradients flow to the input and the bias, through the dense weight. The
/// packed weight is constant.
///
/// Infinite or NaN inputs: a dense product multiplies them with dropped weights
/// too, which gives NaN. So do `Dense` and `InputColumns`, and `BitmaskRows`
/// and `BitmaskColumns` except in the last columns or rows that do not fill 64,
/// and with AVX-512 where every four columns of the rows keep two. The other
/// formats skip dropped weights (or blocks), so that only outputs that use the
/// input are affected. Formats by column skip zero inputs even if the weight is
/// infinite or NaN.
///
/// Errors of all: c10::TypeError if an input or bias is not float32,
///   c10::ValueError if its shape is wrong; the message names it.
namespace coppice {

using PackedWeightPtr = c10::intrusive_ptr<PackedWeight>;

/// y = x W^T + bias: `x` [..., in], `w` of shape [out, in], `bias` [out]; y
/// [..., out].
COPPICE_API torch::Tensor linear(
    const torch::Tensor& x,
    const PackedWeightPtr& w,
    const c10::optional<torch::Tensor>& bias = c10::nullopt);

/// The same with relu: negative results become 0.
COPPICE_API torch::Tensor linear_relu(
    const torch::Tensor& x,
    const PackedWeightPtr& w,
    const c10::optional<torch::Tensor>& bias = c10::nullopt);

/// As `torch::conv2d` with one group: `x` [batch, in, height, width] or [in,
/// height, width], `w` of shape [out, in, height, width], `bias` [out]. Stride,
/// padding and dilation are one number or two. The result has the memory format
/// of `x`.
COPPICE_API torch::Tensor conv2d(
    const torch::Tensor& x,
    const PackedWeightPtr& w,
    const c10::optional<torch::Tensor>& bias = c10::nullopt,
    c10::IntArrayRef stride = 1,
    c10::IntArrayRef padding = 0,
    c10::IntArrayRef dilation = 1);

/// The same with relu: negative results become 0.
COPPICE_API torch::Tensor conv2d_relu(
    const torch::Tensor& x,
    const PackedWeightPtr& w,
    const c10::optional<torch::Tensor>& bias = c10::nullopt,
    c10::IntArrayRef stride = 1,
    c10::IntArrayRef padding = 0,
    c10::IntArrayRef dilation = 1);

} // namespace coppice
