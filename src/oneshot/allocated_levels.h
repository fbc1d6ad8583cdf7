#pragma once

#include <torch/types.h>

#include <string>
#include <vector>

#include "coppice/oneshot/recipe.h"
#include "oneshot/sensitivity.h"

namespace coppice::oneshot {

/// A weight whose level is to be chosen.
struct LayerToAllocate {
  std::string name;
  std::vector<int64_t> shape; ///< As it is stored.
  /// What ops take of it, [out, in, ...] each; for `Global` and `OWL`.
  std::vector<torch::Tensor> parts;
  /// |W_ij| times the root of its input's mean square, of each part; for `OWL`.
  std::vector<torch::Tensor> outlier_scores;
};

/// Errors: c10::ValueError if the pattern of the rule is N:M, and its levels
/// are
///   to differ.
void check_allocation(const PruneModifier& rule);

/// A level for each of the layers, so that they have the rule's together.
///
/// `OWL` gives the layers of one numbered block (`layers.3`) one level, as the
/// paper does, and moves all levels by as much as it takes where blocks differ
/// in size. `Global` counts blocks where the rule drops blocks.
/// `measured`: the costs that `Measured` goes by, else unused.
/// Errors: c10::ValueError, one sentence, as `check_allocation`, if no
/// allocation
///   reaches the rule's level, or the costs are of other layers.
std::vector<double> allocated_levels(
    const PruneModifier& rule,
    const std::vector<LayerToAllocate>& layers,
    const Sensitivity* measured);

/// The numbered block that a tensor is of: `model.layers.3` of
/// `model.layers.3.mlp.up.weight`; its own name if there is none.
std::string numbered_block(const std::string& name);

} // namespace coppice::oneshot
