#pragma once

#include <torch/script.h>

#include <set>
#include <string>
#include <vector>

#include "graph/reach.h"

namespace coppice::graph {

/// The functions of a model that remain, and may be called from outside, where
/// its `forward` is replaced by one that computes the same from constants: all
/// other methods, and hooks, of the model itself; methods of submodules that
/// `forward` does not call; and the `forward` of submodules that it uses
/// nothing of.
std::vector<Member> entries_beside_forward(const torch::jit::Module& module);

/// What stays of a model whose `forward` is replaced.
struct Remaining {
  std::set<Member> functions;
  std::set<Member> attributes; ///< Submodules are among them.
};

/// The entries, what they call and read, what `forward` (the new one) reads,
/// and all attributes but those that were weights of the old one alone.
/// Submodules of which nothing is left go.
Remaining remaining_beside(
    const torch::jit::Module& module,
    torch::jit::Graph& forward);

} // namespace coppice::graph
