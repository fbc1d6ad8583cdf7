#pragma once

#include <torch/csrc/jit/ir/ir.h>

namespace coppice::graph {

/// Makes the nodes of a graph forget which functions they were inlined from.
/// LibTorch reports an error with the names of those functions, through
/// pointers that nothing keeps valid: freezing deletes every method but
/// `forward`, so that a frozen graph that throws would read freed memory. The
/// places in the source, which the nodes own, stay.
void forget_call_stacks(torch::jit::Graph& graph);

} // namespace coppice::graph
