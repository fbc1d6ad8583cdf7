#pragma once

#include <ATen/core/ivalue.h>
#include <c10/util/ArrayRef.h>
#include <torch/types.h>

#include <array>
#include <functional>
#include <string>
#include <vector>

namespace coppice::graph {

/// How a convolution goes over its input; one over a single dimension is one
/// over two whose height is 1.
struct ConvSteps {
  std::array<int64_t, 2> stride{1, 1};
  std::array<int64_t, 2> padding{0, 0};
  std::array<int64_t, 2> dilation{1, 1};
};

/// One run of an op by a weight that is told.
struct WeightedCall {
  size_t tensor = 0; ///< Which of those that are told.
  /// What the op takes of it, a view: [out, in], or of a convolution
  /// [out, in / groups, height, width].
  torch::Tensor weight;
  /// What enters: [..., in], or images [samples, channels, height, width].
  torch::Tensor input;
  bool is_conv = false;
  ConvSteps steps;
  int64_t groups = 1;
};

/// What one op does with tensors that are told.
struct WeightedCalls {
  /// Several if it multiplies a batch of matrices.
  std::vector<WeightedCall> calls;
  /// Tensors that it takes as a weight in a way that no call tells of.
  std::vector<size_t> others;
};

/// Which of the tensors that are told a tensor is, or is a part of; -1 for
/// none.
using TensorFinder = std::function<int64_t(const torch::Tensor&)>;

/// Reads the inputs of an op that begins. Of linear layers in all their forms
/// and of convolutions over one and two dimensions there are calls; other ops
/// that `op_roles` knows give `others`.
///
/// `name`: "aten::linear".
WeightedCalls weighted_calls(
    const char* name,
    c10::ArrayRef<const c10::IValue> inputs,
    const TensorFinder& find);

/// What a call computes, without its bias, by another weight of that shape.
torch::Tensor output_of(const WeightedCall& call, const torch::Tensor& weight);

} // namespace coppice::graph
