// The state dictionary of a prepared model, under Python's names.

#include <torch/torch.h>

#include <map>

#include "coppice/model/torch_tensors.h"
#include "coppice/sparsify/saved_state.h"
#include "core/fqn.h"

namespace coppice {
namespace {

std::string place_of(const Group& group) {
  return join_fqn(group.module_fqn, "parametrizations." + group.tensor_name);
}

/// What a state says of one tensor of the model.
struct Saved {
  const StoredTensor* plain = nullptr;
  const StoredTensor* original = nullptr;
  const StoredTensor* mask = nullptr;
};

/// By the FQN of the tensor in an unprepared model.
using SavedTensors = std::map<std::string, Saved>;

bool take_suffix(std::string& name, const std::string& suffix) {
  if (name.size() < suffix.size() ||
      name.compare(name.size() - suffix.size(), suffix.size(), suffix) != 0) {
    return false;
  }
  name.resize(name.size() - suffix.size());
  return true;
}

SavedTensors saved_tensors(const StateDict& state) {
  SavedTensors saved;
  for (const auto& tensor : state.tensors) {
    auto place = tensor.name;
    const StoredTensor* Saved::*part = &Saved::plain;
    if (take_suffix(place, ".original")) {
      part = &Saved::original;
    } else if (take_suffix(place, ".0.mask")) {
      part = &Saved::mask;
    }
    auto [module_fqn, name] = split_fqn(place);
    if (part == &Saved::plain || !take_suffix(module_fqn, "parametrizations")) {
      saved[tensor.name].plain = &tensor;
      continue;
    }
    take_suffix(module_fqn, ".");
    saved[join_fqn(module_fqn, name)].*part = &tensor;
  }
  return saved;
}

void check_shape(const StoredTensor& saved, const torch::Tensor& tensor) {
  TORCH_CHECK_VALUE(
      tensor.sizes() == torch::IntArrayRef(saved.shape),
      "load_prepared_state_dict: `",
      saved.name,
      "`: expected the shape ",
      tensor.sizes(),
      ", got ",
      torch::IntArrayRef(saved.shape));
}

void check(const SavedTensors& saved, const ModelView& model) {
  std::vector<std::string> names;
  for (const auto& entry : model.tensors()) {
    names.push_back(entry.fqn);
    const auto found = saved.find(entry.fqn);
    TORCH_CHECK_VALUE(
        found != saved.end() && (found->second.plain || found->second.original),
        "load_prepared_state_dict: the state has no `",
        entry.fqn,
        "`");
    for (const auto* part :
         {found->second.plain, found->second.original, found->second.mask}) {
      if (part) {
        check_shape(*part, entry.tensor);
      }
    }
  }
  for (const auto& entry : saved) {
    TORCH_CHECK_VALUE(
        model.contains(entry.first), // Tied tensors have several names.
        "load_prepared_state_dict: the model has no `",
        entry.first,
        "`; the nearest is `",
        nearest_name(entry.first, names),
        "`");
  }
}

/// The state of a sparsifier with the masks and originals of `saved`.
SparsifierState with_saved(SparsifierState state, const SavedTensors& saved) {
  for (auto& [fqn, values] : state.state) {
    const auto& parts = saved.at(fqn);
    auto mask = values.at("mask").toTensor();
    if (parts.mask) {
      mask = as_tensor(*parts.mask).ne(0);
      values["mask"] = mask;
    }
    if (parts.original) {
      values["dropped"] = as_tensor(*parts.original).masked_fill(mask, 0);
    }
  }
  return state;
}

} // namespace

StateDict prepared_state_dict(
    const ModelView& model,
    const BaseSparsifier& sparsifier) {
  std::map<std::string, const Group*> groups;
  for (const auto& group : sparsifier.groups()) {
    groups[group.tensor_fqn] = &group;
  }
  StateDict state;
  for (const auto& entry : model.tensors()) {
    const auto group = groups.find(entry.fqn);
    if (group == groups.end()) {
      state.tensors.push_back(as_stored(entry.fqn, entry.tensor));
      continue;
    }
    const auto place = place_of(*group->second);
    state.tensors.push_back(
        as_stored(place + ".original", group->second->original()));
    state.tensors.push_back(
        as_stored(place + ".0.mask", group->second->mask().to(torch::kFloat)));
  }
  return state;
}

void load_prepared_state_dict(
    const ModelView& model,
    BaseSparsifier& sparsifier,
    const StateDict& state) {
  const torch::NoGradGuard no_grad;
  const auto saved = saved_tensors(state);
  check(saved, model);
  sparsifier.load_state_dict(with_saved(sparsifier.state_dict(), saved));
  std::map<std::string, torch::Tensor> masks;
  for (const auto& group : sparsifier.groups()) {
    masks[group.tensor_fqn] = group.mask();
  }
  for (const auto& entry : model.tensors()) {
    const auto& parts = saved.at(entry.fqn);
    auto values = as_tensor(parts.original ? *parts.original : *parts.plain);
    const auto mask = masks.find(entry.fqn);
    if (mask != masks.end()) {
      values = values.masked_fill(mask->second.logical_not(), 0);
    }
    auto tensor = entry.tensor;
    tensor.copy_(values);
  }
}

} // namespace coppice
