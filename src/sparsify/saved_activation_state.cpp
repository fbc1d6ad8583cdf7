// States of activation sparsifiers in files.

#include <torch/torch.h>

#include "coppice/sparsify/saved_state.h"
#include "sparsify/group_options.h"
#include "sparsify/pickled_values.h"
#include "sparsify/state_file.h"

namespace coppice {
namespace {

// The reference's keys, followed by Coppice's own.
constexpr const char* kAggregateFn = "aggregate_fn";
constexpr const char* kReduceFn = "reduce_fn";
constexpr const char* kMaskFn = "mask_fn";
constexpr const char* kFeatures = "features";
constexpr const char* kFeatureDim = "feature_dim";
constexpr const char* kSparseConfig = "sparse_config";
constexpr const char* kHookState = "hook_state";
constexpr const char* kData = "data";
constexpr const char* kFirstValueSeed = "first_value_seed";
constexpr const char* kSamples = "samples";

/// The name of a function, or None.
template <typename Function>
PickleValue pickled_function(const char* key, const Function& function) {
  if (!function) {
    return {};
  }
  TORCH_CHECK_VALUE(
      !function.name().empty(),
      "save_state: its ",
      key,
      " has no name, so it cannot be saved; use a shipped function, or save "
      "`state.without_functions()` and load it into a sparsifier that has the "
      "functions");
  return function.name();
}

template <typename Number>
PickleValue pickled_or_none(const std::optional<Number>& value) {
  return value ? sparsify::pickled(c10::IValue(*value)) : PickleValue();
}

PickleDict pickled_options(const ActivationOptions& options) {
  PickleDict dict;
  dict.set(
      kAggregateFn, pickled_function(kAggregateFn, options.aggregate_fn()));
  dict.set(kReduceFn, pickled_function(kReduceFn, options.reduce_fn()));
  dict.set(kMaskFn, pickled_function(kMaskFn, options.mask_fn()));
  dict.set(kFeatures, pickled_or_none(options.features()));
  dict.set(kFeatureDim, pickled_or_none(options.feature_dim()));
  dict.set(kSparseConfig, sparsify::pickled(options.sparse_config()));
  if (options.first_value_seed()) {
    dict.set(kFirstValueSeed, *options.first_value_seed());
  }
  return dict;
}

PickleDict pickled_group(const ActivationGroupState& group) {
  auto dict = sparsify::with_tensor("saving layer", group.fqn, [&] {
    return pickled_options(group.options);
  });
  dict.set(kHookState, to_string(group.hook_state));
  if (group.aggregated) {
    PickleList data;
    for (const auto& one : group.aggregated->data) {
      data.items.push_back(sparsify::pickled(one));
    }
    dict.set(
        kData, group.options.features() ? PickleValue(data) : data.items.at(0));
    if (!group.aggregated->samples.empty()) {
      dict.set(
          kSamples, sparsify::pickled(c10::IValue(group.aggregated->samples)));
    }
  }
  return dict;
}

const PickleValue* find(const PickleValue& dict, const char* key) {
  const auto* found = dict.get_if<PickleDict>()->find(key);
  return found == nullptr || found->is_none() ? nullptr : found;
}

template <typename Function>
Function function_of(
    const PickleValue& dict,
    const char* key,
    Function (*named)(const std::string&)) {
  const auto* value = find(dict, key);
  const auto* name = value ? value->get_if<std::string>() : nullptr;
  return name ? named(*name) : Function();
}

int64_t integer_of(const char* key, const PickleValue& value) {
  const auto* integer = value.get_if<int64_t>();
  TORCH_CHECK_VALUE(integer, "`", key, "` is not a whole number");
  return *integer;
}

std::vector<int64_t> integers_of(const char* key, const PickleValue& value) {
  const auto* list = value.get_if<PickleList>();
  const auto* tuple = value.get_if<PickleTuple>();
  TORCH_CHECK_VALUE(list || tuple, "`", key, "` is not a list");
  std::vector<int64_t> integers;
  for (const auto& item : list ? list->items : tuple->items) {
    integers.push_back(integer_of(key, item));
  }
  return integers;
}

ActivationOptions options_of(const PickleValue& value) {
  TORCH_CHECK_VALUE(
      value.get_if<PickleDict>(),
      "the options of a layer are not a dictionary");
  ActivationOptions options;
  options.aggregate_fn(function_of(value, kAggregateFn, aggregate_function));
  options.reduce_fn(function_of(value, kReduceFn, reduce_function));
  options.mask_fn(function_of(value, kMaskFn, mask_function));
  if (const auto* features = find(value, kFeatures)) {
    options.features(integers_of(kFeatures, *features));
  }
  if (const auto* dim = find(value, kFeatureDim)) {
    options.feature_dim(integer_of(kFeatureDim, *dim));
  }
  if (const auto* config = find(value, kSparseConfig)) {
    for (const auto& [name, entry] : sparsify::values_of(*config)) {
      options.set(name, entry);
    }
  }
  if (const auto* seed = find(value, kFirstValueSeed)) {
    const auto* flag = seed->get_if<bool>();
    options.first_value_seed(flag != nullptr && *flag);
  }
  return options;
}

ActivationHook hook_of(const PickleValue& value) {
  const auto* text =
      sparsify::entry_of(value, kHookState).get_if<std::string>();
  for (const auto hook :
       {ActivationHook::Aggregate,
        ActivationHook::Sparsify,
        ActivationHook::None}) {
    if (text && *text == to_string(hook)) {
      return hook;
    }
  }
  TORCH_CHECK_VALUE(
      false, "`hook_state` is not \"aggregate\", \"sparsify\" or \"None\"");
}

/// One tensor, or a list of them.
AggregatedActivations aggregated_of(
    const PickleValue& group,
    const PickleValue& data) {
  AggregatedActivations aggregated;
  const auto* list = data.get_if<PickleList>();
  for (const auto& item : list ? list->items : std::vector<PickleValue>{data}) {
    aggregated.data.push_back(sparsify::tensor_of(item));
    TORCH_CHECK_VALUE(
        aggregated.data.back().defined(),
        "`data` holds something other than a tensor");
  }
  if (const auto* samples = find(group, kSamples)) {
    aggregated.samples = integers_of(kSamples, *samples);
  }
  return aggregated;
}

ActivationGroupState group_of(
    const std::string& fqn,
    const PickleValue& value) {
  ActivationGroupState group{
      fqn, options_of(value), hook_of(value), std::nullopt};
  if (const auto* data = find(value, kData)) {
    group.aggregated = aggregated_of(value, *data);
  }
  return group;
}

} // namespace

void save_state(
    const ActivationSparsifierState& state,
    const std::string& path) {
  PickleDict masks;
  for (const auto& [fqn, values] : state.state) {
    masks.set(fqn, sparsify::pickled(values));
  }
  PickleDict groups;
  for (const auto& group : state.data_groups) {
    groups.set(group.fqn, pickled_group(group));
  }
  PickleDict root;
  root.set("state", std::move(masks));
  root.set("data_groups", std::move(groups));
  root.set("defaults", pickled_options(state.defaults));
  write_torch_file(path, std::move(root));
}

ActivationSparsifierState load_activation_sparsifier_state(
    const std::string& path) {
  return sparsify::converted(path, [](const PickleValue& value) {
    ActivationSparsifierState state;
    state.state = sparsify::states_of(value);
    sparsify::for_each_entry(
        sparsify::entry_of(value, "data_groups"),
        [&](const auto& fqn, const auto& entry) {
          state.data_groups.push_back(group_of(fqn, entry));
        });
    state.defaults = options_of(sparsify::entry_of(value, "defaults"));
    return state;
  });
}

} // namespace coppice
