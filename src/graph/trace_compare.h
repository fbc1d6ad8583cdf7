#pragma once

#include <torch/csrc/jit/ir/ir.h>

#include <string>
#include <unordered_map>
#include <vector>

namespace coppice::detail {

/// A constant that differs between the graphs.
struct ConstantPair {
  torch::jit::Node* here = nullptr;
  torch::jit::Node* there = nullptr;
};

/// The common part of two traces of a model, and their differences.
struct TraceComparison {
  /// Each value of the first graph with its counterpart in the second.
  std::unordered_map<torch::jit::Value*, torch::jit::Value*> partners;
  std::vector<ConstantPair> constants; ///< In the order of the graph.
  /// The first difference of operations, as a sentence; empty if there is none.
  std::string difference;
};

/// Compares both graphs node by node, as long as operations are equal.
TraceComparison compare_traces(
    torch::jit::Graph& here,
    torch::jit::Graph& there);

/// The position of a node, for users: "`aten::view` (after `fc1.weight`)", with
/// the last tensor of the model used before. For a constant, the operation that
/// uses it.
std::string place_of(torch::jit::Node* node);

/// The operation that uses a constant, possibly in a list; for other nodes the
/// node itself.
torch::jit::Node* operation_of(torch::jit::Node* node);

} // namespace coppice::detail
