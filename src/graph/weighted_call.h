#pragma once

#include <ATen/core/ivalue.h>
#include <c10/util/ArrayRef.h>
#include <torch/types.h>

#include <array>
#include <functional>
#include <string>
#include <vector>

namespace coppice::graph {

/// Geometry of a convolution; a one-dimensional one has height 1.
struct ConvSteps {
  std::array<int64_t, 2> stride{1, 1};
  std::array<int64_t, 2> padding{0, 0};
  std::array<int64_t, 2> dilation{1, 1};
};

/// One run of an op with a tracked tensor as its weight.
struct WeightedCall {
  size_t tensor = 0; ///< Index of the tracked tensor.
  /// The op's weight, a view of the tensor: [out, in], or for a convolution
  /// [out, in / groups, height, width].
  torch::Tensor weight;
  /// The op's input: [..., in], or images [samples, channels, height, width].
  torch::Tensor input;
  bool is_conv = false;
  ConvSteps steps;
  int64_t groups = 1;
};

/// The uses of tracked tensors by one op.
struct WeightedCalls {
  /// More than one for a product by a batch of matrices.
  std::vector<WeightedCall> calls;
  /// Tensors that it uses as a weight in an unsupported way.
  std::vector<size_t> others;
};

/// The index of the tracked tensor that contains a tensor, or -1.
using TensorFinder = std::function<int64_t(const torch::Tensor&)>;

/// Reads the inputs of an op before it runs. Linear layers in all forms and
/// convolutions over one and two dimensions become calls; other ops in
/// `op_roles` give `others`.
///
/// `name`: "aten::linear".
WeightedCalls weighted_calls(
    const char* name,
    c10::ArrayRef<const c10::IValue> inputs,
    const TensorFinder& find);

/// The result of a call with another weight of that shape, without its bias.
torch::Tensor output_of(const WeightedCall& call, const torch::Tensor& weight);

} // namespace coppice::graph
