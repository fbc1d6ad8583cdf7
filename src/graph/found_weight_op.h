#pragma once

#include <torch/csrc/jit/ir/ir.h>

#include <optional>
#include <string>
#include <vector>

#include "graph/weight_ops.h"

namespace coppice::graph {

/// A weight op and where it is in its graph.
struct FoundWeightOp {
  WeightOp op;
  torch::jit::Node* first = nullptr; ///< The product: takes the input.
  /// The add of the bias, the relu, or the product itself: gives the result.
  torch::jit::Node* last = nullptr;
  size_t input = 0; ///< The index of the input among those of `first`.

  torch::jit::Value* input_value() const {
    return first->input(input);
  }
};

/// The layer that a constant is the weight of, as the name of its value tells:
/// "self.encoder.fc1.weight" -> "encoder.fc1"; empty if it has none.
std::string layer_name(const torch::jit::Value* weight);

/// All of a graph, nested blocks included, in their order.
std::vector<FoundWeightOp> find_weight_ops(torch::jit::Graph& graph);

} // namespace coppice::graph
