#pragma once

#include <torch/csrc/jit/ir/ir.h>

#include <memory>

namespace coppice::graph {

/// Rewrites one-dimensional convolutions with a constant weight, and a relu
/// that is their only user, as two-dimensional ones of height 1. LibTorch
/// computes them in the same way.
void conv1d_as_conv2d(const std::shared_ptr<torch::jit::Graph>& graph);

} // namespace coppice::graph
