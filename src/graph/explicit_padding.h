#pragma once

#include <torch/csrc/jit/ir/ir.h>

#include <memory>

namespace coppice::graph {

/// Replaces the paddings "same" and "valid" of one- and two-dimensional
/// convolutions with a constant weight by numbers. If "same" needs one more
/// column at the end, as for even kernels, zeros are appended to the input, as
/// LibTorch does.
void explicit_padding(const std::shared_ptr<torch::jit::Graph>& graph);

} // namespace coppice::graph
