#pragma once

#include <torch/csrc/jit/ir/ir.h>

namespace coppice::graph {

/// Removes from the nodes of a graph the functions they were inlined from.
/// LibTorch reports errors with the names of those functions, through
/// non-owning pointers: freezing deletes every method but `forward`, so that a
/// frozen graph that throws would read freed memory. Source ranges, which nodes
/// own, stay.
void forget_call_stacks(torch::jit::Graph& graph);

} // namespace coppice::graph
