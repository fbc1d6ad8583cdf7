#pragma once

#include <torch/script.h>

#include <set>

#include "graph/reach.h"

namespace coppice::graph {

/// The attributes that `forward` uses only as weights: its parameters; buffers
/// that are only used in weights of ops, such as filters, masks of
/// `torch.nn.utils.prune` and quantization scales; and batch norm statistics.
std::set<Member> forward_weights(const torch::jit::Module& module);

} // namespace coppice::graph
