#include "coppice/sparsify/saved_state.h"

#include <torch/torch.h>

#include "io/torch_file.h"
#include "sparsify/group_options.h"
#include "sparsify/pickled_values.h"
#include "sparsify/state_file.h"

namespace coppice {
namespace {

/// The mask in the dtype that Python multiplies by.
torch::Tensor as_factor(const c10::IValue& mask) {
  return mask.toTensor().to(torch::kFloat);
}

} // namespace

void save_state(const SparsifierState& state, const std::string& path) {
  PickleDict states;
  for (const auto& [fqn, values] : state.state) {
    Values saved = values;
    saved[sparsify::kMask] = as_factor(values.at(sparsify::kMask));
    states.set(fqn, sparsify::pickled(saved));
  }
  PickleList groups;
  for (const auto& group : state.groups) {
    groups.items.push_back(sparsify::pickled(group));
  }
  PickleDict root;
  root.set("state", std::move(states));
  root.set("groups", std::move(groups));
  write_torch_file(path, std::move(root));
}

void save_state(const DataSparsifierState& state, const std::string& path) {
  PickleDict states;
  for (const auto& [name, values] : state.state) {
    Values rest = values;
    rest.erase(sparsify::kMask);
    auto saved = sparsify::pickled(rest);
    saved.edit_if<PickleDict>()->set(
        sparsify::kMask,
        sparsify::pickled_sparse(as_factor(values.at(sparsify::kMask))));
    states.set(name, std::move(saved));
  }
  PickleDict groups;
  for (const auto& [name, options] : state.data_groups) {
    groups.set(name, sparsify::pickled(options));
  }
  PickleDict container;
  container.kind = PickleDict::Kind::Ordered;
  for (const auto& [key, tensor] : state.container) {
    container.set(key, sparsify::pickled(tensor));
  }
  PickleDict root;
  root.set("state", std::move(states));
  root.set("data_groups", std::move(groups));
  root.set("_container", std::move(container));
  write_torch_file(path, std::move(root));
}

SparsifierState load_sparsifier_state(const std::string& path) {
  return sparsify::converted(path, [](const PickleValue& value) {
    SparsifierState state;
    state.state = sparsify::states_of(value);
    const auto* groups =
        sparsify::entry_of(value, "groups").get_if<PickleList>();
    TORCH_CHECK_VALUE(groups, "its `groups` are not a list");
    for (const auto& group : groups->items) {
      state.groups.push_back(sparsify::values_of(group));
    }
    return state;
  });
}

DataSparsifierState load_data_sparsifier_state(const std::string& path) {
  return sparsify::converted(path, [](const PickleValue& value) {
    DataSparsifierState state;
    state.state = sparsify::states_of(value);
    sparsify::for_each_entry(
        sparsify::entry_of(value, "data_groups"),
        [&](const auto& name, const auto& options) {
          state.data_groups.emplace_back(name, sparsify::values_of(options));
        });
    sparsify::for_each_entry(
        sparsify::entry_of(value, "_container"),
        [&](const auto& name, const auto& tensor) {
          state.container[name] = sparsify::tensor_of(tensor);
          TORCH_CHECK_VALUE(
              state.container[name].defined(), "`", name, "` is not a tensor");
        });
    return state;
  });
}

void save_torch_state_dict(const StateDict& state, const std::string& path) {
  PickleDict dict;
  dict.kind = PickleDict::Kind::Ordered;
  for (const auto& tensor : state.tensors) {
    PickleTensor pickle;
    pickle.tensor = tensor;
    pickle.tensor.name.clear();
    dict.set(tensor.name, std::move(pickle));
  }
  write_torch_file(path, std::move(dict));
}

} // namespace coppice
