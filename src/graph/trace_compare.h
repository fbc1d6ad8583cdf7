#pragma once

#include <torch/csrc/jit/ir/ir.h>

#include <string>
#include <unordered_map>
#include <vector>

namespace coppice::detail {

/// A constant that is another one in the other graph.
struct ConstantPair {
  torch::jit::Node* here = nullptr;
  torch::jit::Node* there = nullptr;
};

/// What two traces of one model have in common and what not.
struct TraceComparison {
  /// Each value of the one graph with its partner in the other.
  std::unordered_map<torch::jit::Value*, torch::jit::Value*> partners;
  std::vector<ConstantPair> constants; ///< In the order of the graph.
  /// Where the operations part, a sentence; empty if they do not.
  std::string parting;
};

/// Walks both graphs side by side, as far as they have the same operations.
TraceComparison compare_traces(
    torch::jit::Graph& here,
    torch::jit::Graph& there);

/// Where a node is, for a reader who sees no graph: "`aten::view` (after
/// `fc1.weight`)", the name being that of the tensor of the model that was used
/// last before. For a constant, the operation that takes it.
std::string place_of(torch::jit::Node* node);

/// The operation that takes a constant, also where a list stands between; the
/// node itself if it is none.
torch::jit::Node* operation_of(torch::jit::Node* node);

} // namespace coppice::detail
