#pragma once

#include <torch/script.h>

#include <cstdint>
#include <string>
#include <vector>

#include "coppice/core/activation_site.h"

namespace coppice {

/// An op of a frozen graph that multiplies its input with a constant weight:
/// what a sparse product can take the place of.
struct WeightOp {
  enum class Kind { kLinear, kConv2d };

  /// "fc1", as the weight's name tells; "layer 3", the place among the ops, if
  /// it has none, as in a file of a frozen module.
  std::string layer_fqn;
  Kind kind = Kind::kLinear;
  torch::Tensor weight; ///< [out, in] or [out, in / groups, height, width].
  torch::Tensor bias;   ///< [out]; undefined if there is none.
  std::vector<int64_t> stride, padding,
      dilation; ///< Two each; of convolutions.
  int64_t groups = 1;
  bool has_relu = false; ///< Whether negative results are set to 0.
  /// Why no sparse product can take its place; empty if one can.
  std::string why_dense;

  /// What the op computes, by LibTorch's own means.
  torch::Tensor dense(const torch::Tensor& input) const;
};

/// A copy in evaluation whose parameters are constants of its graph, all calls
/// inlined, what is constant computed, batch norms folded into convolutions.
/// What any method or hook writes to stays an attribute, as do numbers, flags
/// and texts of the model itself (not of its submodules), which its user may
/// set. Of the methods only `forward` remains. Convolutions over one dimension
/// are written as those over two, paddings "same" and "valid" in numbers.
/// Constant masks of 0 and 1 over the inputs of a linear layer become zeros of
/// its weight; see `linear` of what an infinite input under such a zero gives.
///
/// Errors: c10::ValueError if the module cannot be frozen (it has no `forward`,
///   or was frozen in a way that cannot be undone), cannot be saved, or has a
///   `__getstate__` of its own.
torch::jit::Module frozen_module(const torch::jit::Module& module);

/// The ops with a constant weight of a frozen module's `forward`, in the order
/// of the graph, nested blocks included: aten::linear, conv2d and _convolution,
/// and addmm, mm and matmul (with an add) by a transposed weight, each with the
/// relu that alone follows it.
std::vector<WeightOp> weight_ops(const torch::jit::Module& frozen);

/// A layer with a weight that is none of the `weight_ops`.
struct LeftLayer {
  std::string layer_fqn; ///< As of a `WeightOp`.
  std::string kind;      ///< "lstm", "conv_transpose2d", "embedding"
  /// All that it has, of an LSTM several, the first being the largest; none if
  /// an object holds them, as quantized or prepacked ones.
  std::vector<torch::Tensor> weights;
  std::string why_left; ///< Why no sparse product can take its place.
  size_t place = 0;     ///< How many of the `weight_ops` stand before it.
};

/// Those of a frozen module's `forward`, in the order of the graph, nested
/// blocks and forked subgraphs included: ops that take a weight as LibTorch's
/// layers do, and other ops that take a floating constant of two or more
/// dimensions.
std::vector<LeftLayer> left_layers(const torch::jit::Module& frozen);

/// The kinds of the other ops that take a weight, in the order of the alphabet:
/// as objects that hold them quantized or prepacked, or, where there are none,
/// as constants of two or more dimensions: "quantized::linear_dynamic",
/// "aten::embedding".
std::vector<std::string> other_weight_ops(const torch::jit::Module& frozen);

/// A clone with a site before each of its `weight_ops`, in their order; to see
/// what enters them.
torch::jit::Module with_observed_weight_ops(
    const torch::jit::Module& frozen,
    std::vector<c10::intrusive_ptr<ActivationSite>>& sites);

/// A call that takes the place of a weight op: `op` (qualified, such as
/// "coppice::linear") of the input, `weight` (an object of a class known to
/// TorchScript), the bias and, for convolutions, stride, padding and dilation.
struct WeightOpReplacement {
  size_t index = 0; ///< Of the op in `weight_ops`.
  std::string op;
  c10::IValue weight;
};

/// A clone with those ops replaced; `weight` becomes an attribute named after
/// the layer. The weights that were replaced are gone from it.
torch::jit::Module with_replaced_weight_ops(
    const torch::jit::Module& frozen,
    const std::vector<WeightOpReplacement>& replacements);

} // namespace coppice
