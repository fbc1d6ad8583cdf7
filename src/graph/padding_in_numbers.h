#pragma once

#include <torch/csrc/jit/ir/ir.h>

#include <memory>

namespace coppice::graph {

/// Writes paddings "same" and "valid" of convolutions over one and two
/// dimensions with a constant weight as numbers. Where "same" needs one more
/// column behind than before, as for even kernels, zeros are put behind the
/// input, as LibTorch does.
void padding_in_numbers(const std::shared_ptr<torch::jit::Graph>& graph);

} // namespace coppice::graph
