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

/// What takes the place of all functions. A node can be given another call
/// stack but not none; this one's function lives as long as the program, also
/// while static objects are destroyed.
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
