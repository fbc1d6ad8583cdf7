#include "oneshot/plan.h"

#include <c10/util/Exception.h>

#include <algorithm>
#include <map>

#include "coppice/core/fqn.h"

namespace coppice::oneshot {
namespace {

bool matches_any(
    const std::vector<std::string>& words,
    const StoredTensor& tensor) {
  return std::any_of(words.begin(), words.end(), [&](const auto& word) {
    return matches_target(word, tensor);
  });
}

void check_word(const std::string& word, const StateDict& state) {
  std::vector<std::string> names;
  for (const auto& tensor : state.tensors) {
    if (matches_target(word, tensor)) {
      return;
    }
    names.push_back(tensor.name);
  }
  TORCH_CHECK_VALUE(
      false,
      "`",
      word,
      "` matches no tensor of the model; the nearest name is `",
      nearest_name(word, names),
      "`");
}

/// A word that matches nothing is most often a typing error. Class names may
/// have no layer in one model of many; what is to be ignored may be missing.
void check_words(const PruneModifier& modifier, const StateDict& state) {
  for (const auto& word : modifier.targets) {
    if (word != "Linear" && word.rfind("Conv", 0) != 0) {
      check_word(word, state);
    }
  }
}

/// The plan of one tensor for one modifier.
TensorPlan plan_for(
    const PruneModifier& modifier,
    const StoredTensor& tensor,
    const Checkpoint& input) {
  TensorPlan plan;
  if (!modifier.targets.empty() && !matches_any(modifier.targets, tensor)) {
    plan.left_because = "not a target";
  } else if (matches_any(modifier.ignore, tensor)) {
    plan.left_because = "ignored";
  } else {
    plan.left_because = modifier.targets.empty() ? why_left_by_default(tensor)
                                                 : why_not_prunable(tensor);
  }
  if (plan.left_because.empty() && !is_changeable(tensor, input)) {
    plan.left_because = "not stored as it is";
  }
  if (plan.left_because.empty()) {
    plan.modifier = &modifier;
    plan.place = place_of(tensor, input);
  }
  return plan;
}

TensorPlan plan_of(
    const StoredTensor& tensor,
    const Checkpoint& input,
    const Recipe& recipe) {
  TensorPlan plan;
  for (const auto& modifier : recipe) {
    auto next = plan_for(modifier, tensor, input);
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

bool is_same_view(const StoredTensor& a, const StoredTensor& b) {
  return a.data == b.data && a.dtype == b.dtype && a.shape == b.shape &&
      a.strides == b.strides;
}

bool is_pruned_by_default(const TensorPlan& plan) {
  return plan.modifier && plan.modifier->targets.empty();
}

TensorPlan left(std::string because) {
  return {nullptr, std::move(because), {}};
}

/// Two tensors that begin at one byte, in the order of the checkpoint.
void settle_pair(
    const StoredTensor& a,
    TensorPlan& plan_a,
    const StoredTensor& b,
    TensorPlan& plan_b) {
  if (plan_a.modifier && plan_b.modifier) {
    TORCH_CHECK_VALUE(
        is_same_view(a, b),
        "`",
        b.name,
        "` and `",
        a.name,
        "` are different views of the same values; name one of them");
    plan_b = left("pruned as `" + a.name + "`");
  } else if (!plan_a.modifier && is_pruned_by_default(plan_b)) {
    plan_b = left("shares its values with `" + a.name + "`");
  } else if (!plan_b.modifier && is_pruned_by_default(plan_a)) {
    plan_a = left("shares its values with `" + b.name + "`");
  }
}

/// Pruned tensors must not share bytes. Of several names of one tensor the
/// first prunes for all; a tensor that is tied to one which is left is left,
/// too, unless it was named.
void settle_shared(const Checkpoint& input, std::vector<TensorPlan>& plans) {
  const auto& tensors = input.state.tensors;
  std::map<const std::byte*, std::vector<size_t>> users_of;
  for (size_t i = 0; i < tensors.size(); ++i) {
    if (tensors[i].numel() == 0) {
      continue;
    }
    auto& users = users_of[tensors[i].data];
    for (const size_t j : users) {
      settle_pair(tensors[j], plans[j], tensors[i], plans[i]);
    }
    users.push_back(i);
  }
}

/// Errors: c10::ValueError if two pruned tensors overlap.
void check_disjoint(
    const Checkpoint& input,
    const std::vector<TensorPlan>& plans) {
  std::vector<size_t> pruned;
  for (size_t i = 0; i < plans.size(); ++i) {
    if (plans[i].modifier) {
      pruned.push_back(i);
    }
  }
  const auto key = [&](size_t i) {
    return std::make_pair(plans[i].place.file, plans[i].place.range.begin);
  };
  std::sort(pruned.begin(), pruned.end(), [&](size_t a, size_t b) {
    return key(a) < key(b);
  });
  for (size_t i = 1; i < pruned.size(); ++i) {
    const auto& before = plans[pruned[i - 1]].place;
    const auto& after = plans[pruned[i]].place;
    TORCH_CHECK_VALUE(
        before.file != after.file || before.range.end <= after.range.begin,
        "`",
        input.state.tensors[pruned[i - 1]].name,
        "` and `",
        input.state.tensors[pruned[i]].name,
        "` lie over each other in the file; exclude one of them");
  }
}

/// What most tensors were left for.
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
                "model as it was before")
          : ": none of its tensors is one to prune (most are left because: " +
              usual_reason(plans) +
              "); name some (`coppice inspect` lists them)");
}

} // namespace

std::vector<TensorPlan> plan_pruning(
    const Checkpoint& input,
    const Recipe& recipe) {
  if (!input.state.tensors.empty()) {
    for (const auto& modifier : recipe) {
      check_words(modifier, input.state);
    }
  }
  std::vector<TensorPlan> plans;
  for (const auto& tensor : input.state.tensors) {
    plans.push_back(plan_of(tensor, input, recipe));
  }
  settle_shared(input, plans);
  check_any_pruned(input, plans);
  check_disjoint(input, plans);
  return plans;
}

} // namespace coppice::oneshot
