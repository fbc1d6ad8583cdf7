#pragma once

#include <torch/csrc/jit/ir/ir.h>

#include <memory>

namespace coppice::graph {

/// Folds constant masks of 0 and 1 for the inputs of a linear layer, as made by
/// `without_activation_sites`, into the columns of its weight: masked inputs
/// get zero weights. A mask is folded if it has one value per column and the
/// layer is the only user of the masked input.
///
/// Results are the same, except for an infinite or NaN input where the mask is
/// zero: its product with zero is NaN, and products that skip zeros of the
/// weight never read it.
void fold_masks(const std::shared_ptr<torch::jit::Graph>& graph);

} // namespace coppice::graph
