#pragma once

#include <torch/csrc/jit/ir/ir.h>

#include <vector>

namespace coppice::graph {

inline void add_nodes(
    torch::jit::Block& block,
    std::vector<torch::jit::Node*>& all) {
  for (auto* node : block.nodes()) {
    all.push_back(node);
    for (auto* inner : node->blocks()) {
      add_nodes(*inner, all);
    }
  }
}

/// The nodes of a graph in order; those of nested blocks follow their owner.
inline std::vector<torch::jit::Node*> nodes_in(torch::jit::Graph& graph) {
  std::vector<torch::jit::Node*> all;
  add_nodes(*graph.block(), all);
  return all;
}

} // namespace coppice::graph
