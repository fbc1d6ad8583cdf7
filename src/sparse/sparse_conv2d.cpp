#include "coppice/sparse/sparse_conv2d.h"

#include <c10/util/Exception.h>
#include <torch/utils.h>

#include <algorithm>
#include <string>
#include <utility>

#include "coppice/sparse/operators.h"
#include "core/torch_compat.h"

namespace coppice::nn {
namespace {

using Options = decltype(torch::nn::Conv2dImpl::options);
using Pair = std::array<int64_t, 2>;

Pair pair_of(const torch::ExpandingArray<2>& array) {
  return {(*array)[0], (*array)[1]};
}

/// The padding of `kSame`, both sides of a dimension together.
Pair same_padding(const Options& options) {
  const auto kernel = pair_of(options.kernel_size());
  const auto dilation = pair_of(options.dilation());
  return {dilation[0] * (kernel[0] - 1), dilation[1] * (kernel[1] - 1)};
}

bool is_same(const Options& options) {
  return compat::value_if<torch::enumtype::kSame>(options.padding()) != nullptr;
}

ConvStepping stepping_of(const Options& options) {
  ConvStepping stepping;
  stepping.stride = pair_of(options.stride());
  stepping.dilation = pair_of(options.dilation());
  const auto* padding =
      compat::value_if<torch::ExpandingArray<2>>(options.padding());
  if (padding != nullptr) {
    stepping.padding = pair_of(*padding);
  } else if (is_same(options)) {
    const auto both = same_padding(options);
    stepping.padding = {both[0] / 2, both[1] / 2};
  }
  return stepping;
}

} // namespace

SparseConv2dImpl::SparseConv2dImpl(
    int64_t in_channels,
    int64_t out_channels,
    std::array<int64_t, 2> kernel_size,
    ConvStepping stepping,
    bool bias)
    : SparseConv2dImpl(
          zero_weight(
              {out_channels, in_channels, kernel_size[0], kernel_size[1]}),
          stepping,
          bias ? torch::zeros({out_channels}) : torch::Tensor()) {}

SparseConv2dImpl::SparseConv2dImpl(
    c10::intrusive_ptr<PackedWeight> weight,
    ConvStepping stepping,
    const torch::Tensor& bias)
    : PackedLayer("SparseConv2d", 4, std::move(weight), bias),
      stepping_(stepping) {
  SparseConv2dImpl::reset();
}

void SparseConv2dImpl::reset() {
  register_bias();
}

torch::Tensor SparseConv2dImpl::forward(const torch::Tensor& x) {
  return conv2d(
      x,
      weight(),
      bias,
      stepping_.stride,
      stepping_.padding,
      stepping_.dilation);
}

void SparseConv2dImpl::pretty_print(std::ostream& stream) const {
  const auto& shape = weight()->shape();
  stream << "coppice::nn::SparseConv2d(" << shape[1] << ", " << shape[0]
         << ", kernel_size=[" << shape[2] << ", " << shape[3]
         << "], stride=" << torch::IntArrayRef(stepping_.stride)
         << ", padding=" << torch::IntArrayRef(stepping_.padding)
         << ", dilation=" << torch::IntArrayRef(stepping_.dilation) << ", ";
  print_common(stream);
  stream << ")";
}

std::string SparseConv2d::why_not(const torch::nn::Conv2dImpl& dense) {
  const auto& options = dense.options;
  if (options.groups() != 1) {
    return "it has " + std::to_string(options.groups()) + " groups";
  }
  if (compat::value_if<torch::enumtype::kZeros>(options.padding_mode()) ==
      nullptr) {
    return "it pads with something other than zeros";
  }
  const auto both = same_padding(options);
  if (is_same(options) && (both[0] % 2 != 0 || both[1] % 2 != 0)) {
    return "it pads the two sides of a dimension differently";
  }
  return "";
}

SparseConv2d SparseConv2d::from_dense(
    const torch::nn::Conv2dImpl& dense,
    const PackedWeightOptions& options) {
  const auto reason = why_not(dense);
  TORCH_CHECK_VALUE(
      reason.empty(),
      "SparseConv2d: this convolution cannot be packed because ",
      reason,
      "; leave it dense");
  return SparseConv2d(
      PackedWeight::pack(dense.weight, options),
      stepping_of(dense.options),
      dense.bias);
}

SparseConv2d SparseConv2d::from_dense(
    const torch::nn::Conv2d& dense,
    const PackedWeightOptions& options) {
  return from_dense(*dense, options);
}

} // namespace coppice::nn
