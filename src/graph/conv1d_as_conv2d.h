#pragma once

#include <torch/csrc/jit/ir/ir.h>

#include <memory>

namespace coppice::graph {

/// Writes convolutions over one dimension with a constant weight, and the relu
/// that alone follows one, as those over two, of height 1. LibTorch computes
/// them so, too.
void conv1d_as_conv2d(const std::shared_ptr<torch::jit::Graph>& graph);

} // namespace coppice::graph
