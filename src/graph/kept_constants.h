#pragma once

#include <torch/script.h>

namespace coppice::graph {

/// Where a constant of `forward` is memory that an attribute of the model has
/// too, as of a weight that another method uses, it is read from an attribute:
/// a file then holds it once.
void read_kept_constants(torch::jit::Module& module);

} // namespace coppice::graph
