#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "coppice/io/checkpoint.h"
#include "coppice/io/rewrite.h"
#include "coppice/oneshot/recipe.h"

namespace coppice::oneshot {

/// What is to be done with one tensor of a checkpoint.
struct TensorPlan {
  /// The rule that prunes it, one of the recipe's; null if it is left.
  const PruneModifier* modifier = nullptr;
  std::string left_because; ///< Empty if it is pruned.
  TensorPlace place;        ///< Of a tensor that is pruned.
};

/// A plan a tensor, in the order of the checkpoint.
///
/// Errors: c10::ValueError as `prune_checkpoint`.
std::vector<TensorPlan> plan_pruning(
    const Checkpoint& input,
    const Recipe& recipe);

} // namespace coppice::oneshot
