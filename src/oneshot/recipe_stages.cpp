#include <c10/util/Exception.h>

#include <algorithm>
#include <string_view>

#include "coppice/oneshot/recipe.h"
#include "oneshot/recipe_modifier.h"

namespace coppice {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kModifiersKey = "modifiers";

/// `modifiers`, or a group of them that has a name, `sparsity_modifiers`.
bool are_modifiers(const std::string& key) {
  const auto begin = key.size() - std::min(key.size(), kModifiersKey.size());
  return key.substr(begin) == kModifiersKey &&
      (begin == 0 || key[begin - 1] == '_');
}

void add_modifiers(const Json& modifiers, Recipe& recipe) {
  if (modifiers.is_array()) {
    for (const Json& each : modifiers) {
      add_modifiers(each, recipe);
    }
    return;
  }
  TORCH_CHECK_VALUE(
      modifiers.is_object(),
      "the recipe's `modifiers`: expected modifiers by name, got ",
      modifiers.dump());
  for (const auto& each : modifiers.items()) {
    recipe.push_back(oneshot::modifier_from_json(each.key(), each.value()));
  }
}

/// llm-compressor's stages say whether they train, which pruning does not.
void check_run_type(const std::string& stage, const Json& type) {
  TORCH_CHECK_VALUE(
      type == "oneshot" || type == Json::array({"oneshot"}) || type.is_null(),
      "the recipe's stage `",
      stage,
      "` has the run type ",
      type.dump(),
      ", and a model is pruned here without training; leave that stage out");
}

void add_stage(const std::string& name, const Json& stage, Recipe& recipe) {
  bool any = false;
  TORCH_CHECK_VALUE(
      stage.is_object(), "the recipe's stage `", name, "` has no `modifiers`");
  if (stage.contains("run_type")) {
    check_run_type(name, stage["run_type"]);
  }
  for (const auto& each : stage.items()) {
    if (are_modifiers(each.key())) {
      add_modifiers(each.value(), recipe);
      any = true;
    } else {
      TORCH_CHECK_VALUE(
          each.key() == "run_type",
          "the recipe's stage `",
          name,
          "` has `",
          each.key(),
          "`, which is not known here; a stage has `modifiers`, also "
          "`..._modifiers`, and `run_type`");
    }
  }
  TORCH_CHECK_VALUE(any, "the recipe's stage `", name, "` has no `modifiers`");
}

} // namespace

Recipe recipe_from_json(std::string_view json) {
  const Json root = Json::parse(json, nullptr, /*allow_exceptions=*/false);
  TORCH_CHECK_VALUE(
      root.is_object() && !root.empty(),
      "the recipe has no stages; see `coppice prune --help`");
  Recipe recipe;
  for (const auto& each : root.items()) {
    if (are_modifiers(each.key())) {
      add_modifiers(each.value(), recipe);
    } else {
      add_stage(each.key(), each.value(), recipe);
    }
  }
  TORCH_CHECK_VALUE(!recipe.empty(), "the recipe has no modifiers");
  return recipe;
}

} // namespace coppice
