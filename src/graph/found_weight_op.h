#pragma once

#include <torch/csrc/jit/ir/ir.h>

#include <optional>
#include <string>
#include <vector>

#include "graph/weight_ops.h"

namespace coppice::graph {

/// A weight op and its nodes.
struct FoundWeightOp {
  WeightOp op;
  torch::jit::Node* first = nullptr; ///< The product, which takes the input.
  /// The last fused node: the bias add, the relu, or the product.
  torch::jit::Node* last = nullptr;
  size_t input = 0; ///< Index among the inputs of `first`.

  torch::jit::Value* input_value() const {
    return first->input(input);
  }
};

/// The layer of a constant weight by its value's name:
/// "self.encoder.fc1.weight" -> "encoder.fc1"; empty without a name.
std::string layer_name(const torch::jit::Value* weight);

/// All weight ops of a graph, nested blocks included, in order.
std::vector<FoundWeightOp> find_weight_ops(torch::jit::Graph& graph);

} // namespace coppice::graph
