#pragma once

#include <torch/script.h>

#include <set>
#include <string>
#include <vector>

#include "graph/reach.h"

namespace coppice::graph {

/// The functions of a model that may be called from outside after its `forward`
/// is replaced by one on constants: all other methods, and hooks, of the root;
/// methods of submodules that `forward` does not call; and the `forward` of
/// submodules with which it shares no attribute.
std::vector<Member> entries_beside_forward(const torch::jit::Module& module);

/// The parts of a model that stay when its `forward` is replaced.
struct Remaining {
  std::set<Member> functions;
  std::set<Member> attributes; ///< Including submodules.
};

/// The entries, what they call and read, what the new `forward` reads, and all
/// attributes but weights that only the old one used. Submodules without
/// anything left are removed.
Remaining remaining_beside(
    const torch::jit::Module& module,
    torch::jit::Graph& forward);

} // namespace coppice::graph
