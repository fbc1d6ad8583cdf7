#pragma once

#include <torch/script.h>

#include <cstdint>
#include <string>
#include <vector>

#include "coppice/core/activation_site.h"

namespace coppice {

/// An op of a frozen graph that multiplies its input by a constant weight and
/// that a sparse product may replace.
struct WeightOp {
  enum class Kind { kLinear, kConv2d };

  /// "fc1", from the weight's name, or "layer 3", the index among the ops, if
  /// it has none, as in the file of a frozen module.
  std::string layer_fqn;
  Kind kind = Kind::kLinear;
  torch::Tensor weight; ///< [out, in] or [out, in / groups, height, width].
  torch::Tensor bias;   ///< [out]; undefined if there is none.
  std::vector<int64_t> stride, padding,
      dilation; ///< Two each, for convolutions.
  int64_t groups = 1;
  bool has_relu = false; ///< Whether a relu is fused.
  /// Why a sparse product cannot replace it; empty if one can.
  std::string why_dense;

  /// The op's result, computed by LibTorch.
  torch::Tensor dense(const torch::Tensor& input) const;
};

/// A frozen copy in evaluation mode: parameters are constants of its graph,
/// calls are inlined, constants are propagated, batch norms are folded into
/// convolutions. Attributes that any method or hook writes to stay attributes,
/// as do numbers, flags and strings of the root (not of submodules), which
/// users may set. `forward` is the only method. One-dimensional convolutions
/// become two-dimensional ones, paddings "same" and "valid" numbers. Constant
/// masks of 0 and 1 for the inputs of a linear layer are folded into its
/// weight; for infinite inputs under such a mask see `linear`.
///
/// Errors: c10::ValueError if the module cannot be frozen (it has no `forward`,
///   or was frozen irreversibly), cannot be saved, or has a `__getstate__`.
torch::jit::Module frozen_module(const torch::jit::Module& module);

/// The ops with a constant weight in a frozen module's `forward`, in graph
/// order, nested blocks included: aten::linear, conv2d and _convolution, and
/// addmm, mm and matmul (with an add) by a transposed weight, each fused with a
/// relu that is its only user.
std::vector<WeightOp> weight_ops(const torch::jit::Module& frozen);

/// A layer with a weight that is not one of the `weight_ops`.
struct LeftLayer {
  std::string layer_fqn; ///< As of a `WeightOp`.
  std::string kind;      ///< "lstm", "conv_transpose2d", "embedding"
  /// Its weights, the largest first; an LSTM has several. Empty if an object
  /// holds them, such as quantized or prepacked ones.
  std::vector<torch::Tensor> weights;
  std::string why_left; ///< Why a sparse product cannot replace it.
  size_t place = 0;     ///< Number of `weight_ops` before it.
};

/// The other layers of a frozen module's `forward`, in graph order, nested
/// blocks and forked subgraphs included: ops that use a weight as LibTorch's
/// layers do, and other ops with a floating constant of two or more dimensions.
std::vector<LeftLayer> left_layers(const torch::jit::Module& frozen);

/// The kinds of the other ops with a weight, in alphabetical order: those with
/// an object of quantized or prepacked weights, or, if there are none, with
/// constants of two or more dimensions: "quantized::linear_dynamic",
/// "aten::embedding".
std::vector<std::string> other_weight_ops(const torch::jit::Module& frozen);

/// A clone with a site before each of its `weight_ops`, in order, to observe
/// their inputs.
torch::jit::Module with_observed_weight_ops(
    const torch::jit::Module& frozen,
    std::vector<c10::intrusive_ptr<ActivationSite>>& sites);

/// A call that replaces a weight op: `op` (qualified, such as
/// "coppice::linear") of the input, `weight` (an object of a TorchScript
/// class), the bias and, for convolutions, stride, padding and dilation.
struct WeightOpReplacement {
  size_t index = 0; ///< Index in `weight_ops`.
  std::string op;
  c10::IValue weight;
};

/// A clone with the given ops replaced; `weight` becomes an attribute named
/// after the layer. The replaced weights are removed.
torch::jit::Module with_replaced_weight_ops(
    const torch::jit::Module& frozen,
    const std::vector<WeightOpReplacement>& replacements);

} // namespace coppice
