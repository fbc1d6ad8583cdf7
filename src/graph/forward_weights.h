#pragma once

#include <torch/script.h>

#include <set>

#include "graph/reach.h"

namespace coppice::graph {

/// The attributes that `forward` uses as weights and nothing else: its
/// parameters; buffers that only go into the weights of ops, as filters, masks
/// of `torch.nn.utils.prune` and quantization scales do; and the statistics of
/// batch norms.
std::set<Member> forward_weights(const torch::jit::Module& module);

} // namespace coppice::graph
