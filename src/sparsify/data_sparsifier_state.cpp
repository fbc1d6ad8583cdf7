// Saving, loading and printing a data sparsifier.

#include <torch/torch.h>

#include <set>

#include "coppice/sparsify/base_data_sparsifier.h"
#include "sparsify/data_checks.h"
#include "sparsify/group_options.h"
#include "sparsify/masked_parameter.h"

namespace coppice {
namespace {

/// The reference's key for the original of `name`.
std::string original_key(const std::string& name) {
  return "parametrizations." + name + ".original";
}

/// The values of `name` in a state: the original, or the squashed values.
torch::Tensor saved_values(
    const DataSparsifierState& state,
    const std::string& name) {
  auto found = state.container.find(original_key(name));
  if (found == state.container.end()) {
    found = state.container.find(name);
  }
  TORCH_CHECK_VALUE(
      found != state.container.end(),
      "the state has a group but no values of this name");
  sparsify::check_maskable(found->second);
  return found->second;
}

/// Errors: c10::ValueError unless every name has one group, and every group a
///   mask.
void check_names(const DataSparsifierState& state) {
  std::set<std::string> names;
  for (const auto& entry : state.data_groups) {
    sparsify::check_data_name("load_state_dict", entry.first);
    TORCH_CHECK_VALUE(
        names.insert(entry.first).second,
        "load_state_dict: the state has two groups named `",
        entry.first,
        "`");
  }
  for (const auto& entry : state.state) {
    TORCH_CHECK_VALUE(
        names.count(entry.first) != 0,
        "load_state_dict: the state has a mask but no group named `",
        entry.first,
        "`");
  }
}

} // namespace

DataSparsifierState BaseDataSparsifier::state_dict() const {
  DataSparsifierState saved;
  for (const auto& group : groups_) {
    auto& state = saved.state[group.name];
    state = group.state;
    state[sparsify::kMask] = group.mask.clone();
    saved.data_groups.emplace_back(group.name, describe(group.options));
    const auto key = group.squashed ? group.name : original_key(group.name);
    saved.container[key] = group.data.detach().clone();
  }
  return saved;
}

void BaseDataSparsifier::load_state_dict(
    const DataSparsifierState& state,
    bool strict) {
  check_names(state);
  std::vector<DataGroup> groups;
  if (!strict) {
    groups = groups_;
  }
  for (const auto& [name, options] : state.data_groups) {
    auto loaded = sparsify::with_tensor(
        "loading", name, [&, &name = name, &options = options] {
          return loaded_group(name, options, state);
        });
    const auto* old = find_group(name);
    if (!strict && old != nullptr) {
      groups[old - groups_.data()] = std::move(loaded);
    } else {
      groups.push_back(std::move(loaded));
    }
  }
  // Nothing below can fail.
  const torch::NoGradGuard no_grad;
  for (const auto& [name, options] : state.data_groups) {
    if (const auto* old = find_group(name)) {
      auto data = old->data;
      data.copy_(saved_values(state, name));
    }
  }
  groups_ = std::move(groups);
}

DataGroup BaseDataSparsifier::loaded_group(
    const std::string& name,
    const Values& options,
    const DataSparsifierState& state) const {
  const auto values = saved_values(state, name);
  const auto* old = find_group(name);
  TORCH_CHECK_VALUE(
      old == nullptr || old->data.sizes() == values.sizes(),
      "expected values of the data's shape ",
      old->data.sizes(),
      ", got ",
      values.sizes());
  const auto saved = state.state.find(name);
  TORCH_CHECK_VALUE(
      saved != state.state.end() && saved->second.count(sparsify::kMask) != 0,
      "the state has a group but no mask of this name");
  DataGroup group;
  group.name = name;
  group.data = old ? old->data : values.detach().clone();
  group.mask = sparsify::as_data_mask(
      "`mask`", saved->second.at(sparsify::kMask), group.data);
  group.squashed = state.container.count(original_key(name)) == 0;
  group.state = saved->second;
  group.state.erase(sparsify::kMask);
  group.options = sparsify::options_of_described(
      options,
      [this](const SparsifierOptions& given) { return describe(given); });
  check_options(group);
  return group;
}

void BaseDataSparsifier::pretty_print(std::ostream& stream) const {
  stream << name() << " (";
  for (const auto& group : groups_) {
    sparsify::print_group(
        stream,
        "Data Group\n\t    name: " + group.name,
        describe(group.options));
  }
  stream << ")";
}

std::ostream& operator<<(
    std::ostream& stream,
    const BaseDataSparsifier& sparsifier) {
  sparsifier.pretty_print(stream);
  return stream;
}

} // namespace coppice
