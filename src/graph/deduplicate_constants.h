#pragma once

#include <torch/script.h>

namespace coppice::graph {

/// Replaces constants of `forward` that share memory with an attribute, such as
/// a weight that another method uses, by reads of the attribute: a file then
/// stores them once.
void deduplicate_constants(torch::jit::Module& module);

} // namespace coppice::graph
