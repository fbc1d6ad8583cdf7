#pragma once

#include <optional>
#include <string>
#include <vector>

#include "coppice/io/checkpoint.h"
#include "coppice/oneshot/recipe.h"
#include "io/rewrite.h"
#include "oneshot/script_evidence.h"
#include "oneshot/weight_layout.h"

namespace coppice::oneshot {

/// What is to be done with one tensor of a checkpoint.
struct TensorPlan {
  /// The rule that prunes it, one of the recipe's; null if it is left.
  const PruneModifier* modifier = nullptr;
  std::string left_because; ///< Empty if it is pruned.
  std::string note;         ///< What else the table should say.

  // Of a tensor that is pruned:
  bool is_named = false; ///< By a glob or regular expression.
  TensorPlace place;
  WeightLayout layout;
  std::vector<const StoredTensor*> masks; ///< What the model multiplies it by.
};

/// A plan a tensor, in the order of the checkpoint.
///
/// Errors: c10::ValueError as `prune_checkpoint`.
std::vector<TensorPlan> plan_pruning(
    const Checkpoint& input,
    const Recipe& recipe,
    const std::optional<ScriptEvidence>& evidence);

} // namespace coppice::oneshot
