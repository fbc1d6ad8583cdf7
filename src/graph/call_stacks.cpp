#include "graph/call_stacks.h"

#include <torch/csrc/jit/api/function_impl.h>

#include <memory>

namespace coppice::graph {
namespace {

using torch::jit::Block;
using torch::jit::Graph;
using torch::jit::GraphFunction;
using torch::jit::InlinedCallStack;
using torch::jit::Node;

/// A placeholder for the functions in call stacks. A node's call stack can be
/// replaced but not removed. Never destroyed, as graphs may outlive static
/// objects.
GraphFunction* any_function() {
  static auto* const function =
      new GraphFunction("forward", std::make_shared<Graph>(), nullptr);
  return function;
}

void forget_in(Block* block) {
  for (Node* node : block->nodes()) {
    if (node->callstack()) {
      node->setCallStack(c10::make_intrusive<InlinedCallStack>(
          any_function(), node->sourceRange()));
    }
    for (Block* inner : node->blocks()) {
      forget_in(inner);
    }
  }
}

} // namespace

void forget_call_stacks(Graph& graph) {
  forget_in(graph.block());
}

} // namespace coppice::graph
