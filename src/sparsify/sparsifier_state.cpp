// Saving, loading and printing a sparsifier.

#include <torch/torch.h>

#include <set>

#include "coppice/sparsify/base_sparsifier.h"
#include "sparsify/group_options.h"
#include "sparsify/masked_parameter.h"
#include "sparsify/optimizer_protection.h"

namespace coppice {
namespace {

constexpr const char* kDropped = "dropped";
constexpr const char* kTensorFqn = "tensor_fqn";

std::string tensor_fqn_of(const Values& group) {
  const auto found = group.find(kTensorFqn);
  TORCH_CHECK_VALUE(
      found != group.end() && found->second.isString(),
      "load_state_dict: a group of the state has no `tensor_fqn`");
  return found->second.toStringRef();
}

/// The tensor `name` of `values`, checked against the shape of `weight`;
/// undefined if it is missing.
torch::Tensor tensor_of(
    const Values& values,
    const char* name,
    const std::string& tensor_fqn,
    const torch::Tensor& weight) {
  const auto found = values.find(name);
  if (found == values.end()) {
    return {};
  }
  TORCH_CHECK_VALUE(
      found->second.isTensor() &&
          found->second.toTensor().sizes() == weight.sizes(),
      "load_state_dict: expected `",
      name,
      "` of `",
      tensor_fqn,
      "` to be a tensor of shape ",
      weight.sizes(),
      ", got ",
      to_python_string(found->second));
  return found->second.toTensor();
}

const Values& state_of(
    const SparsifierState& state,
    const std::string& tensor_fqn) {
  const auto found = state.state.find(tensor_fqn);
  TORCH_CHECK_VALUE(
      found != state.state.end() && found->second.count(sparsify::kMask) != 0,
      "load_state_dict: the state has a group but no mask for `",
      tensor_fqn,
      "`");
  return found->second;
}

} // namespace

SparsifierState BaseSparsifier::state_dict() const {
  SparsifierState saved;
  for (const auto& group : groups_) {
    Values state = group.state;
    state[sparsify::kMask] = group.mask();
    if (life_ == Life::Prepared) {
      state[kDropped] = group.masked_->dropped();
    }
    saved.state[group.tensor_fqn] = std::move(state);
    Values options = describe(group.options);
    options[kTensorFqn] = group.tensor_fqn;
    saved.groups.push_back(std::move(options));
  }
  return saved;
}

void BaseSparsifier::load_state_dict(
    const SparsifierState& state,
    bool strict) {
  require_prepared("load_state_dict");
  auto groups = loaded_groups(state, strict);
  // Nothing below can fail.
  std::set<std::string> loaded;
  for (auto& group : groups) {
    const auto& saved = state.state.at(group.tensor_fqn);
    group.masked_->absorb_writes();
    if (group.masked_->set_mask(saved.at(sparsify::kMask).toTensor().ne(0))) {
      forget_dropped(group);
    }
    if (saved.count(kDropped) != 0) {
      group.masked_->set_dropped(saved.at(kDropped).toTensor());
    }
    loaded.insert(group.tensor_fqn);
  }
  for (auto& group : groups_) {
    if (loaded.count(group.tensor_fqn) == 0) {
      group.masked_->squash();
    }
  }
  groups_ = std::move(groups);
}

std::vector<Group> BaseSparsifier::loaded_groups(
    const SparsifierState& state,
    bool strict) const {
  std::vector<Group> groups;
  for (const auto& saved_group : state.groups) {
    const auto fqn = tensor_fqn_of(saved_group);
    const auto* known = sparsify::find_named(groups_, fqn, &Group::tensor_fqn);
    if (known == nullptr) {
      TORCH_CHECK_VALUE(
          !strict,
          "load_state_dict: the state is of another model: it has a tensor `",
          fqn,
          "`, and the nearest under this sparsifier is `",
          sparsify::nearest_named(groups_, fqn, &Group::tensor_fqn),
          "`");
      continue;
    }
    Group group = *known;
    group.state = state_of(state, fqn);
    tensor_of(group.state, sparsify::kMask, fqn, group.weight());
    tensor_of(group.state, kDropped, fqn, group.weight());
    group.state.erase(sparsify::kMask);
    group.state.erase(kDropped);
    group.options = loaded_options(saved_group);
    check_options(group);
    groups.push_back(std::move(group));
  }
  TORCH_CHECK_VALUE(
      !groups.empty(),
      "load_state_dict: the state has none of this sparsifier's tensors");
  return groups;
}

SparsifierOptions BaseSparsifier::loaded_options(const Values& values) const {
  auto options = values;
  options.erase(kTensorFqn);
  return sparsify::options_of_described(
      options,
      [this](const SparsifierOptions& given) { return describe(given); });
}

Values BaseSparsifier::described(const Group& group) const {
  Values values = describe(group.options);
  values[kTensorFqn] = group.tensor_fqn;
  values["module_fqn"] = group.module_fqn;
  values["tensor_name"] = group.tensor_name;
  return values;
}

void BaseSparsifier::pretty_print(std::ostream& stream) const {
  stream << name() << " (";
  for (size_t i = 0; i < groups_.size(); ++i) {
    sparsify::print_group(
        stream, "Group " + std::to_string(i), described(groups_[i]));
  }
  stream << ")";
}

std::ostream& operator<<(
    std::ostream& stream,
    const BaseSparsifier& sparsifier) {
  sparsifier.pretty_print(stream);
  return stream;
}

} // namespace coppice
