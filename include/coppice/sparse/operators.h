#pragma once

#include <torch/types.h>

#include <cstdint>

#include "coppice/export.h"
#include "coppice/sparse/packed_weight.h"

/// The operators on packed weights. TorchScript and Python have them too, as
/// `torch.ops.coppice.linear` and so on, once the library is loaded.
///
/// They take float32 on the CPU, of any strides. Work is shared among the
/// threads that `torch::set_num_threads` allows, and results have equal bits
/// whatever their number. A call allocates its result alone (and a copy of an
/// input that is not contiguous), but for the first of a size: each thread
/// keeps its scratch. Denormals count as zero; the caller's setting of the
/// processor stays as it is.
///
/// Gradients flow to the input and the bias, through the dense weight. The
/// packed weight has none: it does not change.
///
/// Where an input is infinite or NaN: a dense product multiplies it with
/// dropped weights too, which gives NaN. So do `Dense`, `InputColumns` and, but
/// for the last columns or rows that do not fill 64, `BitmaskRows` and
/// `BitmaskColumns`, but not with AVX-512 where a row keeps two of every four
/// columns. The others leave dropped weights out, so that only outputs
/// that weigh the input see it; those of blocks leave out whole blocks.
/// Formats by column skip inputs that are zero, also where the weight is
/// infinite or NaN.
///
/// Errors, of all: c10::TypeError for an input or bias that is not float32,
///   c10::ValueError for one of a wrong shape; both are named.
namespace coppice {

using PackedWeightPtr = c10::intrusive_ptr<PackedWeight>;

/// y = x W^T + bias: `x` [..., in], `w` of shape [out, in], `bias` [out]; y
/// [..., out].
COPPICE_API torch::Tensor linear(
    const torch::Tensor& x,
    const PackedWeightPtr& w,
    const c10::optional<torch::Tensor>& bias = c10::nullopt);

/// The same, negative results set to 0.
COPPICE_API torch::Tensor linear_relu(
    const torch::Tensor& x,
    const PackedWeightPtr& w,
    const c10::optional<torch::Tensor>& bias = c10::nullopt);

/// What `torch::conv2d` computes with one group: `x` [batch, in, height, width]
/// or [in, height, width], `w` of shape [out, in, height, width], `bias` [out].
/// Each of the others is one number or two. The result has the memory format of
/// `x`.
COPPICE_API torch::Tensor conv2d(
    const torch::Tensor& x,
    const PackedWeightPtr& w,
    const c10::optional<torch::Tensor>& bias = c10::nullopt,
    c10::IntArrayRef stride = 1,
    c10::IntArrayRef padding = 0,
    c10::IntArrayRef dilation = 1);

/// The same, negative results set to 0.
COPPICE_API torch::Tensor conv2d_relu(
    const torch::Tensor& x,
    const PackedWeightPtr& w,
    const c10::optional<torch::Tensor>& bias = c10::nullopt,
    c10::IntArrayRef stride = 1,
    c10::IntArrayRef padding = 0,
    c10::IntArrayRef dilation = 1);

} // namespace coppice
