// Saving, loading and printing an activation sparsifier.

#include <torch/torch.h>

#include <set>

#include "coppice/sparsify/activation_sparsifier.h"
#include "sparsify/activation_aggregate.h"
#include "sparsify/activation_checks.h"
#include "sparsify/group_options.h"

namespace coppice {
namespace {

/// None, a sparse copy, or a list of them.
c10::IValue saved_mask(const std::optional<ActivationMask>& mask) {
  if (!mask) {
    return {};
  }
  if (!mask->has_features) {
    return mask->masks.at(0).to_sparse();
  }
  c10::List<torch::Tensor> list;
  for (const auto& one : mask->masks) {
    list.push_back(one.to_sparse());
  }
  return list;
}

torch::Tensor dense_mask(const c10::IValue& mask) {
  TORCH_CHECK_VALUE(
      mask.isTensor() && mask.toTensor().defined(),
      "expected a mask that is a tensor, got ",
      to_python_string(mask));
  const auto& tensor = mask.toTensor();
  return tensor.is_sparse() ? tensor.to_dense() : tensor.detach().clone();
}

/// The masks of `saved`, which is not None.
std::vector<torch::Tensor> dense_masks(
    const c10::IValue& saved,
    const ActivationOptions& options) {
  TORCH_CHECK_VALUE(
      saved.isList() == options.features().has_value(),
      options.features() ? "expected a list of masks, one a feature, got "
                         : "expected one mask, as there are no features, got ",
      to_python_string(saved));
  if (!options.features()) {
    return {dense_mask(saved)};
  }
  std::vector<torch::Tensor> masks;
  for (const c10::IValue& one : saved.toListRef()) {
    masks.push_back(dense_mask(one));
  }
  TORCH_CHECK_VALUE(
      masks.size() == options.features()->size(),
      "expected ",
      options.features()->size(),
      " masks, one a feature, got ",
      masks.size());
  return masks;
}

/// Errors: c10::ValueError unless the layers of the state are the model's, each
///   named once.
void check_names(
    const ActivationSparsifierState& state,
    const ActivationLayers& layers) {
  std::set<std::string> known;
  for (const auto& layer : layers) {
    known.insert(layer.fqn);
  }
  std::set<std::string> names;
  std::string missing;
  for (const auto& group : state.data_groups) {
    TORCH_CHECK_VALUE(
        names.insert(group.fqn).second,
        "load_state_dict: the state has layer `",
        group.fqn,
        "` twice");
    if (known.count(group.fqn) == 0) {
      missing += (missing.empty() ? "`" : ", `") + group.fqn + "`";
    }
  }
  TORCH_CHECK_VALUE(
      missing.empty(),
      "load_state_dict: the state has layers that are not in the model: ",
      missing,
      "; it is the state of another model");
}

void drop_functions(ActivationOptions& options) {
  options.aggregate_fn({}).reduce_fn({}).mask_fn({});
}

/// Takes functions that `options` lack from `fallback`.
void fill_functions(
    ActivationOptions& options,
    const ActivationOptions& fallback) {
  if (!options.aggregate_fn()) {
    options.aggregate_fn(fallback.aggregate_fn());
  }
  if (!options.reduce_fn()) {
    options.reduce_fn(fallback.reduce_fn());
  }
  if (!options.mask_fn()) {
    options.mask_fn(fallback.mask_fn());
  }
}

template <typename Value>
c10::IValue value_or_none(const std::optional<Value>& value) {
  return value ? c10::IValue(*value) : c10::IValue();
}

/// A dictionary as Python prints it.
std::string dictionary(const Values& values) {
  std::string text;
  for (const auto& [key, value] : values) {
    const auto quote = value.isString() ? "'" : "";
    text += (text.empty() ? "'" : ", '") + key + "': " + quote +
        to_python_string(value) + quote;
  }
  return "{" + text + "}";
}

} // namespace

ActivationSparsifierState ActivationSparsifierState::without_functions() const {
  auto without = *this;
  drop_functions(without.defaults);
  for (auto& group : without.data_groups) {
    drop_functions(group.options);
  }
  return without;
}

ActivationSparsifierState ActivationSparsifier::state_dict() const {
  const torch::NoGradGuard no_grad;
  ActivationSparsifierState saved;
  saved.defaults = defaults_;
  for (const auto& group : groups_) {
    saved.state[group.fqn()][sparsify::kMask] = saved_mask(group.mask());
    ActivationGroupState entry{
        group.fqn(), group.options(), group.hook_state(), std::nullopt};
    if (group.has_data()) {
      entry.aggregated = group.aggregate_->state();
    }
    saved.data_groups.push_back(std::move(entry));
  }
  return saved;
}

void ActivationSparsifier::load_state_dict(
    const ActivationSparsifierState& state) {
  check_names(state, layers_);
  const torch::NoGradGuard no_grad;
  std::vector<ActivationGroup> groups;
  for (const auto& group : state.data_groups) {
    groups.push_back(sparsify::with_tensor("loading layer", group.fqn, [&] {
      return loaded_group(group, state);
    }));
  }
  auto defaults = state.defaults;
  fill_functions(defaults, defaults_);
  // Nothing below can fail.
  for (auto& group : groups_) {
    group.detach();
  }
  groups_ = std::move(groups);
  defaults_ = std::move(defaults);
  for (auto& group : groups_) {
    group.attach(group.hook_state());
  }
}

ActivationGroup ActivationSparsifier::loaded_group(
    const ActivationGroupState& saved,
    const ActivationSparsifierState& state) const {
  const auto& layer = layer_of("load_state_dict", saved.fqn);
  sparsify::check_has_site(layer);
  auto options = saved.options;
  const auto* registered = find_group(saved.fqn);
  if (registered != nullptr) {
    fill_functions(options, registered->options());
  }
  fill_functions(options, defaults_);
  sparsify::check_features(options);
  if (saved.hook_state == ActivationHook::Aggregate) {
    check_options(options);
  }

  ActivationGroup group(layer, options);
  group.hook_state_ = saved.hook_state;
  const auto values = state.state.find(saved.fqn);
  TORCH_CHECK_VALUE(
      values != state.state.end() && values->second.count(sparsify::kMask) != 0,
      "the state has no mask of this layer, not even None");
  const auto& mask = values->second.at(sparsify::kMask);
  TORCH_CHECK_VALUE(
      !mask.isNone() ||
          (saved.hook_state != ActivationHook::Sparsify && !saved.aggregated),
      "the state has no mask of this layer, though it is past its first "
      "activation");
  if (!mask.isNone()) {
    group.mask_ = group.mask_of(dense_masks(mask, options));
  }
  if (saved.aggregated && saved.hook_state == ActivationHook::Aggregate) {
    group.aggregate_->restore(*saved.aggregated, group.mask_->masks);
  }
  return group;
}

void ActivationSparsifier::pretty_print(std::ostream& stream) const {
  stream << "ActivationSparsifier (";
  for (const auto& group : groups_) {
    const auto& options = group.options();
    sparsify::print_group(
        stream,
        "Data Group\n\t    name: " + group.fqn(),
        {{"feature_dim", value_or_none(options.feature_dim())},
         {"features", value_or_none(options.features())},
         {"hook_state", to_string(group.hook_state())},
         {"layer", group.layer()},
         {"sparse_config", dictionary(options.sparse_config())}});
  }
  stream << ')';
}

std::ostream& operator<<(
    std::ostream& stream,
    const ActivationSparsifier& sparsifier) {
  sparsifier.pretty_print(stream);
  return stream;
}

} // namespace coppice
