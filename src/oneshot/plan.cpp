#include "oneshot/plan.h"

#include <c10/util/Exception.h>

#include <algorithm>
#include <map>
#include <optional>

#include "oneshot/left_by_role.h"
#include "oneshot/no_weight.h"
#include "oneshot/pruning_masks.h"
#include "oneshot/reached.h"
#include "oneshot/shared_bytes.h"
#include "oneshot/target_words.h"
#include "oneshot/targets.h"
#include "oneshot/tensor_name.h"
#include "oneshot/weight_values.h"

namespace coppice::oneshot {
namespace {

/// Whether a weight has so few inputs that N:M would drop all of it.
bool is_narrower(const WeightNormPattern& pattern, const StoredTensor& tensor) {
  const auto block = pattern.sparse_block_shape;
  return pattern.zeros_per_block < block.size() && block.rows == 1 &&
      tensor.numel() / tensor.shape[0] <= pattern.zeros_per_block;
}

/// Whether a weight is one block, which stays or falls as a whole: a level
/// between these cannot be reached.
bool is_one_block(
    const WeightNormPattern& pattern,
    const StoredTensor& tensor,
    const WeightLayout& layout) {
  const auto block = pattern.sparse_block_shape;
  return block.size() > 1 && pattern.zeros_per_block == block.size() &&
      pattern.sparsity_level > 0 && pattern.sparsity_level < 1 &&
      blocks_of(tensor, layout, block) == 1;
}

/// Makes the plans of one checkpoint.
class Planner {
 public:
  Planner(
      const Checkpoint& input,
      const Recipe& recipe,
      const std::optional<ScriptEvidence>& evidence)
      : input_(input),
        recipe_(recipe),
        evidence_(evidence),
        beside_(input.state) {}

  TensorPlan plan_of(const StoredTensor& tensor) const {
    TensorPlan plan;
    for (const auto& modifier : recipe_) {
      auto next = plan_for(modifier, tensor);
      TORCH_CHECK_VALUE(
          !next.modifier || !plan.modifier,
          "`",
          tensor.name,
          "` is pruned by two modifiers of the recipe; let one of them ignore "
          "it");
      if (next.modifier || plan.left_because.empty() ||
          (!plan.modifier && next.left_because != "not a target")) {
        plan = next.modifier || !plan.modifier ? std::move(next) : plan;
      }
    }
    return plan;
  }

 private:
  const graph::WeightUse* use_of(const StoredTensor& tensor) const {
    return evidence_ && evidence_->from_graph ? evidence_->find(tensor.name)
                                              : nullptr;
  }

  /// A class name is matched by the op that uses the weight, if known.
  bool matches(const std::string& word, const StoredTensor& tensor) const {
    const auto* use = use_of(tensor);
    if (!is_class_word(word) || use == nullptr || use->is_unclear) {
      return matches_target(word, tensor);
    }
    if (word == "Linear") {
      return use->layers.count("linear") + use->layers.count("einsum") != 0;
    }
    auto layer = word;
    layer[0] = 'c';
    return use->layers.count(layer) != 0 ||
        (use->layers.count("convolution") != 0 && matches_target(word, tensor));
  }

  bool matches_any(
      const std::vector<std::string>& words,
      const StoredTensor& tensor) const {
    return std::any_of(words.begin(), words.end(), [&](const auto& word) {
      return matches(word, tensor);
    });
  }

  bool is_target(const PruneModifier& modifier, const StoredTensor& tensor)
      const {
    const auto& words = modifier.targets;
    return words.empty() || matches_any(words, tensor) ||
        (modifier.targets_reach_within &&
         std::any_of(words.begin(), words.end(), [&](const auto& word) {
           return matches_module_around(word, tensor);
         }));
  }

  bool is_named(const PruneModifier& modifier, const StoredTensor& tensor)
      const {
    return std::any_of(
        modifier.targets.begin(),
        modifier.targets.end(),
        [&](const auto& word) {
          return !is_class_word(word) && matches(word, tensor);
        });
  }

  /// Why the graph says that a tensor is no weight; empty if it is one.
  std::string why_no_weight_by_code(
      const graph::WeightUse& use,
      const StoredTensor& tensor,
      const TensorName& name) const {
    if (use.families.count(graph::OpFamily::kEmbedding) != 0) {
      return use.is_multiplied() ? "an embedding as well" : "an embedding";
    }
    if (use.is_multiplied()) {
      // Gains and standard deviations also reach the product.
      return use.is_computed_with ? why_no_weight(tensor, name, beside_) : "";
    }
    if (use.is_unclear) {
      return why_no_weight(tensor, name, beside_);
    }
    if (use.families.count(graph::OpFamily::kNorm) != 0) {
      return "of a norm";
    }
    return use.is_read ? "no op multiplies by it" : "no method reads it";
  }

  std::string why_left(const StoredTensor& tensor) const {
    if (auto reason = why_not_prunable(tensor); !reason.empty()) {
      return reason;
    }
    const TensorName name(tensor.name);
    if (auto reason = why_left_by_role(tensor, name, beside_);
        !reason.empty()) {
      return reason;
    }
    if (const auto told = input_.left_because.find(tensor.name);
        told != input_.left_because.end()) {
      return told->second;
    }
    const auto* use = evidence_ ? evidence_->find(tensor.name) : nullptr;
    if (use != nullptr && use->kind == graph::WeightUse::Kind::kBuffer) {
      return "a buffer of its module";
    }
    auto reason = use != nullptr && evidence_->from_graph
        ? why_no_weight_by_code(*use, tensor, name)
        : why_no_weight(tensor, name, beside_);
    return reason.empty() && is_infinity_mask(tensor)
        ? "a mask of minus infinity"
        : reason;
  }

  void choose_layout(
      const PruneModifier& modifier,
      const StoredTensor& tensor,
      TensorPlan& plan) const {
    if (modifier.pattern.sparse_block_shape.size() == 1) {
      return; // Single elements have no direction.
    }
    const auto* use = use_of(tensor);
    const auto told = use ? layout_of(tensor, *use) : WeightLayout();
    if (!told.is_plain()) {
      plan.layout = told;
      plan.note = told.order.empty() ? "" : "read as [in, out], as its op does";
    } else if (matches_any(modifier.transposed, tensor)) {
      plan.layout = inputs_first(tensor);
      plan.note = "read as [in, out]";
    } else if (
        (use == nullptr || use->in_dim < 0) &&
        seems_inputs_first(tensor, beside_)) {
      plan.note =
          "its pattern runs along outputs if it is stored [in, out] as in "
          "GPT-2: `transposed` reads it so";
    }
  }

  /// The plan of one tensor for one modifier.
  TensorPlan plan_for(const PruneModifier& modifier, const StoredTensor& tensor)
      const {
    TensorPlan plan;
    plan.is_named = is_named(modifier, tensor);
    if (!is_target(modifier, tensor)) {
      plan.left_because = "not a target";
    } else if (matches_any(modifier.ignore, tensor)) {
      plan.left_because = "ignored";
    } else {
      plan.left_because =
          plan.is_named ? why_not_prunable(tensor) : why_left(tensor);
    }
    if (plan.left_because.empty() && !is_changeable(tensor, input_)) {
      plan.left_because = "its values cannot be rewritten in the file";
    }
    if (plan.left_because.empty() && !plan.is_named &&
        is_narrower(modifier.pattern, tensor)) {
      plan.left_because = "narrower than the pattern";
    }
    if (plan.left_because.empty()) {
      choose_layout(modifier, tensor, plan);
      if (!plan.is_named &&
          is_one_block(modifier.pattern, tensor, plan.layout)) {
        plan.left_because = "no larger than one block";
      }
    }
    if (plan.left_because.empty()) {
      plan.modifier = &modifier;
      plan.place = place_of(tensor, input_);
      plan.masks = pruning_masks(tensor, input_.state);
    }
    return plan;
  }

  const Checkpoint& input_;
  const Recipe& recipe_;
  const std::optional<ScriptEvidence>& evidence_;
  Neighbours beside_;
};

/// The most frequent reason for not pruning.
std::string usual_reason(const std::vector<TensorPlan>& plans) {
  std::map<std::string, int> counts;
  std::string usual;
  for (const auto& plan : plans) {
    if (++counts[plan.left_because] > counts[usual]) {
      usual = plan.left_because;
    }
  }
  return usual;
}

void check_any_pruned(
    const Checkpoint& input,
    const std::vector<TensorPlan>& plans) {
  const bool any =
      std::any_of(plans.begin(), plans.end(), [](const auto& plan) {
        return plan.modifier;
      });
  TORCH_CHECK_VALUE(
      any,
      input.files[0]->path(),
      input.state.tensors.empty()
          ? std::string(
                ": holds no tensors, there is nothing to prune (a frozen or "
                "quantized model keeps its weights in its code); give the "
                "model before freezing")
          : ": none of its tensors can be pruned by default (most frequent "
            "reason: " +
              usual_reason(plans) +
              "); name tensors to prune (`coppice inspect` lists them)");
}

} // namespace

std::vector<size_t> CheckpointPlan::tensors_of(
    const PruneModifier& modifier) const {
  std::vector<size_t> found;
  for (size_t i = 0; i < tensors.size(); ++i) {
    if (tensors[i].modifier == &modifier) {
      found.push_back(i);
    }
  }
  return found;
}

CheckpointPlan plan_pruning(const Checkpoint& input, const Recipe& recipe) {
  if (!input.state.tensors.empty()) {
    for (const auto& modifier : recipe) {
      check_words(modifier, input.state);
    }
  }
  CheckpointPlan plan;
  plan.input = &input;
  plan.recipe = &recipe;
  plan.evidence = script_evidence(input);
  const Planner planner(input, recipe, plan.evidence);
  plan.tensors.reserve(input.state.tensors.size());
  for (const auto& tensor : input.state.tensors) {
    plan.tensors.push_back(planner.plan_of(tensor));
  }
  reconcile_shared_bytes(input, plan.tensors);
  check_any_pruned(input, plan.tensors);
  return plan;
}

} // namespace coppice::oneshot
