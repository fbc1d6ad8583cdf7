#pragma once

#include <vector>

#include "graph/weight_ops.h"

namespace coppice::graph {

/// Implements `left_layers`.
std::vector<LeftLayer> find_left_layers(const torch::jit::Module& frozen);

} // namespace coppice::graph
