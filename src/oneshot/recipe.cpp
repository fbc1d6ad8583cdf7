#include "coppice/oneshot/recipe.h"

#include <c10/util/Exception.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "coppice/core/pattern.h"
#include "core/fqn.h"
#include "masks/criterion.h"
#include "oneshot/recipe_modifier.h"

namespace coppice {
namespace {

using Json = nlohmann::ordered_json;

struct KnownModifier {
  const char* name;
  PruneMethod method;
};

constexpr std::array kModifiers = {
    KnownModifier{"MagnitudePruningModifier", PruneMethod::Magnitude},
    KnownModifier{"ConstantPruningModifier", PruneMethod::Magnitude},
    KnownModifier{"WeightNormSparsifier", PruneMethod::Magnitude},
    KnownModifier{"WandaPruningModifier", PruneMethod::Wanda},
    KnownModifier{"SparseGPTModifier", PruneMethod::SparseGPT},
    KnownModifier{"ALPSModifier", PruneMethod::ALPS}};

/// Options only of methods that use samples.
const std::vector<std::string> kSampleOptions = {
    "block_size",
    "dampening_frac",
    "preserve_sparsity_mask",
    "allocation",
    "sparsity_profile",
    "owl_m",
    "owl_lmbda"};

/// Options of llm-compressor's own run, ignored here.
const std::vector<std::string> kIdleOptions = {
    "sequential_update",
    "sequential_targets",
    "offload_hessians",
    "index",
    "group",
    "start",
    "end",
    "update"};

/// llm-compressor's word for every layer.
constexpr const char* kAllTargets = "__ALL__";

/// Options only of pruning by magnitude.
const std::vector<std::string> kMagnitudeOptions = {
    "zeros_per_block",
    "norm",
    "scope"};

const std::vector<std::string> kOptions = {
    "sparsity",
    "sparsity_level",
    "mask_structure",
    "sparse_block_shape",
    "zeros_per_block",
    "norm",
    "scope",
    "targets",
    "ignore",
    "transposed"};

/// Where in the recipe an error is.
struct Place {
  std::string modifier;

  std::string option(const char* name) const {
    return "the recipe's `" + modifier + "`, option `" + name + "`: ";
  }
};

std::optional<double>
number_of(const Json& options, const char* name, const Place& place) {
  if (!options.contains(name)) {
    return std::nullopt;
  }
  const Json& value = options[name];
  TORCH_CHECK_VALUE(
      value.is_number(),
      place.option(name),
      "expected a number, got ",
      value.dump());
  return value.get<double>();
}

std::vector<std::string>
words_of(const Json& options, const char* name, const Place& place) {
  if (!options.contains(name) || options[name].is_null()) {
    return {};
  }
  const Json list =
      options[name].is_array() ? options[name] : Json::array({options[name]});
  std::vector<std::string> words;
  for (const Json& word : list) {
    TORCH_CHECK_VALUE(
        word.is_string(),
        place.option(name),
        "expected names, got ",
        word.dump());
    words.push_back(word.get<std::string>());
  }
  return words;
}

/// Errors: c10::ValueError if both of two synonymous options are given.
void check_one_of(
    const Json& options,
    const char* one,
    const char* other,
    const Place& place) {
  TORCH_CHECK_VALUE(
      !options.contains(one) || !options.contains(other),
      place.option(one),
      "means the same as `",
      other,
      "`; give one of them");
}

BlockShape block_of(const Json& value, const Place& place) {
  const bool is_pair = value.is_array() && value.size() == 2 &&
      value[0].is_number_integer() && value[1].is_number_integer();
  TORCH_CHECK_VALUE(
      is_pair && value[0] > 0 && value[1] > 0,
      place.option("sparse_block_shape"),
      "expected [rows, cols], got ",
      value.dump());
  return {value[0], value[1]};
}

Pattern structure_of(const Json& options, const Place& place) {
  check_one_of(options, "mask_structure", "sparse_block_shape", place);
  if (options.contains("sparse_block_shape")) {
    return block_of(options["sparse_block_shape"], place);
  }
  if (!options.contains("mask_structure")) {
    return Unstructured{};
  }
  const Json& value = options["mask_structure"];
  TORCH_CHECK_VALUE(
      value.is_string(),
      place.option("mask_structure"),
      "expected `unstructured`, `N:M` or `RxC`, got ",
      value.dump());
  const auto text = value.get<std::string>();
  // llm-compressor's word for unstructured.
  return text == "0:0" ? Unstructured{} : parse_pattern(text);
}

/// N:M counts what is kept, but in llm-compressor what is dropped; the sparsity
/// beside it tells which is meant: 0.25 with 1:4 means that three are kept.
Pattern as_kept(const Pattern& structure, std::optional<double> level) {
  const auto* nm = std::get_if<Nm>(&structure);
  if (nm == nullptr || !level ||
      std::abs(*level * static_cast<double>(nm->m) - nm->n) > 1e-9) {
    return structure;
  }
  return Nm{nm->m - nm->n, nm->m};
}

WeightNormPattern pattern_of(const Json& options, const Place& place) {
  check_one_of(options, "sparsity", "sparsity_level", place);
  auto level = number_of(options, "sparsity", place);
  if (!level) {
    level = number_of(options, "sparsity_level", place);
  }
  const auto zeros = number_of(options, "zeros_per_block", place);
  auto pattern =
      weight_norm_pattern(as_kept(structure_of(options, place), level), level);
  if (zeros) {
    const auto size = pattern.sparse_block_shape.size();
    TORCH_CHECK_VALUE(
        *zeros >= 0 && *zeros <= static_cast<double>(size) &&
            *zeros == std::floor(*zeros),
        place.option("zeros_per_block"),
        "expected 0 to ",
        size,
        ", got ",
        *zeros);
    pattern.zeros_per_block = static_cast<int64_t>(*zeros);
  }
  return pattern;
}

Norm norm_of(const Json& options, const Place& place) {
  if (!options.contains("norm")) {
    return Norm::L2;
  }
  const Json& norm = options["norm"];
  for (const auto& row : masks::kNormCriteria) {
    if (norm == row.number || norm == std::string(row.name)) {
      return row.norm;
    }
  }
  TORCH_CHECK_VALUE(
      false, place.option("norm"), "expected 1 or 2, got ", norm.dump());
}

Scope scope_of(const Json& options, const Place& place) {
  if (!options.contains("scope") || options["scope"] == "tensor") {
    return Scope::Tensor;
  }
  TORCH_CHECK_VALUE(
      options["scope"] == "global",
      place.option("scope"),
      "expected `tensor` or `global`, got ",
      options["scope"].dump());
  return Scope::Global;
}

std::vector<std::string> options_of(PruneMethod method) {
  auto known = kOptions;
  if (method == PruneMethod::Magnitude) {
    return known;
  }
  for (const auto& option : kMagnitudeOptions) {
    known.erase(std::find(known.begin(), known.end(), option));
  }
  known.insert(known.end(), kSampleOptions.begin(), kSampleOptions.end());
  known.insert(known.end(), kIdleOptions.begin(), kIdleOptions.end());
  return known;
}

void check_options(
    const Json& options,
    PruneMethod method,
    const Place& place) {
  TORCH_CHECK_VALUE(
      options.is_object(),
      "the recipe's `",
      place.modifier,
      "`: expected options under it, got ",
      options.dump());
  const auto known = options_of(method);
  for (const auto& option : options.items()) {
    TORCH_CHECK_VALUE(
        std::find(known.begin(), known.end(), option.key()) != known.end(),
        place.option(option.key().c_str()),
        "is not known; the nearest is `",
        nearest_name(option.key(), known),
        "`");
  }
}

bool flag_of(const Json& options, const char* name, const Place& place) {
  if (!options.contains(name)) {
    return false;
  }
  // YAML values arrive as text.
  const Json& value = options[name];
  const bool is_true = value == true || value == "true" || value == "True";
  TORCH_CHECK_VALUE(
      is_true || value == false || value == "false" || value == "False",
      place.option(name),
      "expected true or false, got ",
      value.dump());
  return is_true;
}

/// The word `None` of Python is text in YAML.
bool is_none(const Json& options, const char* name) {
  const auto value = options.value(name, Json());
  return value.is_null() || value == "None" || value == "null";
}

Allocation allocation_of(const Json& options, const Place& place) {
  if (!is_none(options, "sparsity_profile")) {
    check_one_of(options, "allocation", "sparsity_profile", place);
    TORCH_CHECK_VALUE(
        options["sparsity_profile"] == "owl",
        place.option("sparsity_profile"),
        "expected `owl` or nothing, got ",
        options["sparsity_profile"].dump());
    return Allocation::OWL;
  }
  if (is_none(options, "allocation")) {
    return Allocation::Uniform;
  }
  const Json& value = options["allocation"];
  const auto allocation = value.is_string()
      ? allocation_named(value.get<std::string>())
      : std::nullopt;
  TORCH_CHECK_VALUE(
      allocation.has_value(),
      place.option("allocation"),
      "expected `uniform`, `erk`, `global` or `owl`, got ",
      value.dump());
  return *allocation;
}

void read_owl_options(
    const Json& options,
    const Place& place,
    PruneModifier& modifier) {
  for (const char* name : {"owl_m", "owl_lmbda"}) {
    if (is_none(options, name)) {
      continue;
    }
    TORCH_CHECK_VALUE(
        modifier.allocation == Allocation::OWL,
        place.option(name),
        "means nothing without `sparsity_profile: owl`; add that, or leave it "
        "out");
    const bool is_multiple = name == std::string_view("owl_m");
    const double most = is_multiple ? 1e9 : 0.25;
    const double value = *number_of(options, name, place);
    TORCH_CHECK_VALUE(
        value >= 0 && value <= most,
        place.option(name),
        "expected 0 to ",
        most,
        ", got ",
        value);
    (is_multiple ? modifier.owl.multiple : modifier.owl.lambda) = value;
  }
}

void read_sample_options(
    const Json& options,
    const Place& place,
    PruneModifier& modifier) {
  const double block = number_of(options, "block_size", place)
                           .value_or(static_cast<double>(modifier.block_size));
  TORCH_CHECK_VALUE(
      block >= 1 && block <= 1e9 && block == std::floor(block),
      place.option("block_size"),
      "expected a number of columns, got ",
      block);
  modifier.block_size = static_cast<int64_t>(block);
  modifier.dampening =
      number_of(options, "dampening_frac", place).value_or(modifier.dampening);
  TORCH_CHECK_VALUE(
      modifier.dampening >= 0,
      place.option("dampening_frac"),
      "expected 0 or more, got ",
      modifier.dampening);
  modifier.preserve_zeros = flag_of(options, "preserve_sparsity_mask", place);
  modifier.allocation = allocation_of(options, place);
  read_owl_options(options, place, modifier);
}

PruneModifier modifier_of(const std::string& name, const Json& options) {
  const auto* const known = std::find_if(
      kModifiers.begin(), kModifiers.end(), [&](const KnownModifier& each) {
        return name == each.name;
      });
  TORCH_CHECK_VALUE(
      known != kModifiers.end(),
      "the recipe's modifier `",
      name,
      "` is not supported; supported are `MagnitudePruningModifier`, "
      "`WandaPruningModifier`, `SparseGPTModifier` and `ALPSModifier`");
  const Place place{name};
  check_options(options, known->method, place);
  PruneModifier modifier;
  modifier.method = known->method;
  modifier.pattern = pattern_of(options, place);
  if (known->method == PruneMethod::Magnitude) {
    modifier.norm = norm_of(options, place);
    modifier.scope = scope_of(options, place);
  } else {
    read_sample_options(options, place, modifier);
    modifier.targets_reach_within = true;
  }
  modifier.targets = words_of(options, "targets", place);
  if (modifier.targets == std::vector<std::string>{kAllTargets}) {
    modifier.targets.clear();
  }
  modifier.ignore = words_of(options, "ignore", place);
  modifier.transposed = words_of(options, "transposed", place);
  return modifier;
}

} // namespace

PruneModifier oneshot::modifier_from_json(
    const std::string& name,
    const nlohmann::ordered_json& options) {
  return modifier_of(name, options);
}

std::optional<Allocation> allocation_named(std::string_view name) {
  return name == "uniform" ? std::make_optional(Allocation::Uniform)
      : name == "erk"      ? std::make_optional(Allocation::ERK)
      : name == "global"   ? std::make_optional(Allocation::Global)
      : name == "owl"      ? std::make_optional(Allocation::OWL)
                           : std::nullopt;
}

WeightNormPattern weight_norm_pattern(
    const Pattern& structure,
    std::optional<double> sparsity) {
  TORCH_CHECK_VALUE(
      !sparsity || (*sparsity >= 0 && *sparsity <= 1),
      "expected a sparsity in [0, 1], got ",
      sparsity.value_or(0));
  if (const auto* nm = std::get_if<Nm>(&structure)) {
    const double promised = 1 - static_cast<double>(nm->n) / nm->m;
    TORCH_CHECK_VALUE(
        !sparsity || std::abs(*sparsity - promised) < 1e-9,
        "the pattern ",
        to_string(structure),
        " means a sparsity of ",
        promised,
        ", got ",
        sparsity.value_or(0),
        "; leave one of them out");
    return {1, {1, nm->m}, nm->m - nm->n};
  }
  TORCH_CHECK_VALUE(
      sparsity.has_value(), "no sparsity is given; say which, such as 0.9");
  const auto* block = std::get_if<BlockShape>(&structure);
  const BlockShape shape = block ? *block : BlockShape{};
  return {*sparsity, shape, shape.size()};
}

} // namespace coppice
