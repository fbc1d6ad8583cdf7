#pragma once

#include <torch/csrc/jit/ir/ir.h>

#include <memory>

namespace coppice::graph {

/// Takes constant masks of 0 and 1 over what enters a linear layer, as
/// `without_activation_sites` leaves them, into the columns of its weight:
/// inputs that are always dropped are zeros of the weight then. A mask is taken
/// in if it has a value a column and only that layer uses the product.
///
/// What is computed stays the same, but for an infinite or NaN input under a
/// zero of the mask: it makes NaN of every output, and none of the products
/// that leave out zeros of the weight sees it.
void fold_masks(const std::shared_ptr<torch::jit::Graph>& graph);

} // namespace coppice::graph
