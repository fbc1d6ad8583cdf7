#pragma once

#include <torch/script.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "graph/method_values.h"

namespace coppice::graph {

/// A layer of a model, and where activations enter it.
struct Layer {
  std::vector<std::string> fqns; ///< The name, then aliases.
  torch::jit::Module module;
  /// Its forwards that are called (a trace makes one per call), with the index
  /// of the activation among the graph's inputs.
  std::map<std::string, size_t> forwards;
  /// For a layer without `forwards`, whose calls were inlined: the attribute
  /// that the ops use as weight; else empty.
  std::string inlined_weight;
  /// Why activations cannot be reached, if both are empty.
  std::string why_none;

  Instance* instance() const {
    return module._ivalue().get();
  }
  bool has_door() const {
    return !inlined_weight.empty() || !forwards.empty();
  }
};

/// All layers of a module, itself first, each once.
std::vector<Layer> layers_of(const torch::jit::Module& module);

/// An op that multiplies or normalizes an activation by a layer's attribute.
struct WeightedOp {
  size_t activation = 0; ///< Index of the op's input.
  const Attribute* weight = nullptr;
};

/// Nothing if `node` is not such an op.
std::optional<WeightedOp> weighted_op(
    torch::jit::Node* node,
    const MethodValues& values);

} // namespace coppice::graph
