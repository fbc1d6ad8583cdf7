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

/// What to do with one tensor of a checkpoint.
struct TensorPlan {
  /// The recipe's rule that prunes it; null if it is not pruned.
  const PruneModifier* modifier = nullptr;
  std::string left_because; ///< Empty if it is pruned.
  std::string note;         ///< A remark for the table.

  // Of a tensor that is pruned:
  bool is_named = false; ///< By a glob or regular expression.
  TensorPlace place;
  WeightLayout layout;
  std::vector<const StoredTensor*> masks; ///< That the model multiplies it by.
};

/// What to do with a checkpoint. Refers to it and to the recipe.
struct CheckpointPlan {
  const Checkpoint* input = nullptr;
  const Recipe* recipe = nullptr;
  std::vector<TensorPlan> tensors; ///< In the order of the checkpoint.
  std::optional<ScriptEvidence> evidence;

  const StoredTensor& tensor(size_t i) const {
    return input->state.tensors[i];
  }
  /// Indices of the tensors that `modifier` prunes.
  std::vector<size_t> tensors_of(const PruneModifier& modifier) const;
};

/// The first of three steps: plan, `CheckpointSelection`, `rewrite_checkpoint`.
///
/// Errors: c10::ValueError as `prune_checkpoint`.
CheckpointPlan plan_pruning(const Checkpoint& input, const Recipe& recipe);

} // namespace coppice::oneshot
