#include "sparsify/activation_checks.h"

#include <algorithm>

namespace coppice::sparsify {
namespace {

void check_function(bool given, const char* kind, const char* example) {
  TORCH_CHECK_VALUE(
      given,
      "there is no ",
      kind,
      " function; give one to the layer or to the sparsifier: "
      "ActivationOptions().",
      example);
}

/// "`fc1`, `fc2`"
template <typename Predicate>
std::string names_of(
    const std::vector<ActivationGroup>& groups,
    Predicate matches) {
  std::string names;
  for (const auto& group : groups) {
    if (matches(group)) {
      names += (names.empty() ? "`" : ", `") + group.fqn() + "`";
    }
  }
  return names;
}

} // namespace

void check_has_site(const ActivationLayer& layer) {
  TORCH_CHECK_VALUE(
      layer.site,
      "nothing can be attached to layer `",
      layer.fqn,
      "`: ",
      layer.why_no_site);
}

void check_features(const ActivationOptions& options) {
  TORCH_CHECK_VALUE(
      !options.features() || options.feature_dim(),
      "`features` are given without the dimension that they are of; give "
      "`feature_dim` too");
}

void check_functions(const ActivationOptions& options) {
  check_function(
      bool(options.aggregate_fn()),
      "aggregate",
      "aggregate_fn(aggregate_sum())");
  check_function(
      bool(options.reduce_fn()), "reduce", "reduce_fn(reduce_mean())");
  check_function(bool(options.mask_fn()), "mask", "mask_fn(mask_magnitude())");
  options.mask_fn().check(options.sparse_config());
}

void check_can_step(const std::vector<ActivationGroup>& groups) {
  const auto is_watched = [](const ActivationGroup& group) {
    return group.hook_state() == ActivationHook::Aggregate;
  };
  TORCH_CHECK_VALUE(
      groups.empty() || std::any_of(groups.begin(), groups.end(), is_watched),
      "step: all masks were squashed; register a layer again");
  const auto idle = names_of(groups, [&](const ActivationGroup& group) {
    return is_watched(group) && !group.has_data();
  });
  TORCH_CHECK_VALUE(
      idle.empty(),
      "step: nothing has entered ",
      idle,
      ": such a layer never ran since it was registered or since the last "
      "step; run the model first, or unregister it");
}

void check_can_squash(const std::vector<ActivationGroup>& groups) {
  const auto unknown = names_of(groups, [](const ActivationGroup& group) {
    return group.hook_state() == ActivationHook::Aggregate && !group.has_mask();
  });
  TORCH_CHECK_VALUE(
      unknown.empty(),
      "squash_mask: nothing has entered ",
      unknown,
      " yet, so there is no mask; run the model and call `step` first, or "
      "unregister what never runs");
}

} // namespace coppice::sparsify
