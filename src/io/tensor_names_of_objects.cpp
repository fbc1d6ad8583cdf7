// How TensorNames lists what an object of Python's holds.

#include <algorithm>

#include "io/inert_objects.h"
#include "io/tensor_names.h"

namespace coppice::io {

void TensorNames::add_inert(const Visit& at, const PickleInert& inert) {
  if (is_numpy_array(inert)) {
    add_array(at, inert);
    return;
  }
  add_entries(at, inert.entries);
  add_items(at, inert.items);
  Visit inside = at;
  inside.way = Way::Object;
  if (is_optimizer(inert)) {
    inside.left = "an optimizer's state";
  }
  if (is_tensor_function(inert)) {
    inside.fixed = "part of a tensor of a kind that is not read";
  }
  add_arguments(inside, inert);
  for (const auto& state : inert.states) {
    add_state(inside, inert, state);
  }
}

void TensorNames::add_array(const Visit& at, const PickleInert& array) {
  if (const auto tensor = tensor_of_array(array)) {
    add_tensor(at, *tensor, at.name, "an array of NumPy");
  } else if (const auto* objects = objects_of_array(array)) {
    add_items(at, *objects);
  }
}

/// What an object was made of. If one argument alone leads to tensors, it goes
/// by the object's own name.
void TensorNames::add_arguments(const Visit& at, const PickleInert& inert) {
  const auto* arguments = inert.arguments.get_if<PickleTuple>();
  if (arguments) {
    charge(arguments->items.size());
    const auto many = std::count_if(
        arguments->items.begin(), arguments->items.end(), leads_to_tensors);
    for (size_t i = 0; i < arguments->items.size(); ++i) {
      const auto& item = arguments->items[i];
      if (const auto* attributes = module_attributes(item)) {
        add_module(at, inert, *attributes); // A module of torch.fx.
      } else if (leads_to_tensors(item)) {
        add_child(
            at, item, many == 1 ? at.name : join(at.name, std::to_string(i)));
      }
    }
  }
  if (const auto* keywords = inert.keywords.get_if<PickleDict>()) {
    add_entries(at, keywords->items);
  }
  if (inert.maker.get_if<PickleInert>()) {
    add_child(at, inert.maker, at.name);
  }
}

void TensorNames::add_state(
    const Visit& at,
    const PickleInert& inert,
    const PickleValue& state) {
  if (const auto* attributes = module_attributes(state)) {
    add_module(at, inert, *attributes);
    return;
  }
  if (const auto* partial = parts_of_partial(inert)) {
    for (const auto& part : partial->items) {
      if (leads_to_tensors(part)) {
        add_child(at, part, at.name);
      }
    }
    return;
  }
  // A pair of attributes and slots, as Python pickles a class with slots.
  const auto* pair = state.get_if<PickleTuple>();
  if (pair && pair->items.size() == 2 && pair->items[1].get_if<PickleDict>() &&
      (pair->items[0].is_none() || pair->items[0].get_if<PickleDict>())) {
    for (const auto& part : pair->items) {
      if (const auto* dict = part.get_if<PickleDict>()) {
        add_entries(at, dict->items);
      }
    }
  } else if (leads_to_tensors(state)) {
    add_child(at, state, at.name);
  }
}

/// The tensors of a `torch.nn.Module`: those of its `state_dict()` under the
/// names that they have there, and what else its attributes hold.
void TensorNames::add_module(
    const Visit& at,
    const PickleInert& inert,
    const PickleDict& attributes) {
  charge(attributes.items.size());
  Visit inside = at;
  inside.way = Way::Module;
  for (const auto& [key, item] : attributes.items) {
    const auto* name = key.get_if<std::string>();
    const auto* members = item.get_if<PickleDict>();
    if (name && *name == "_parameters" && members) {
      inside.left = why_no_weights(inert);
      add_entries(inside, members->items);
    } else if (name && *name == "_buffers" && members) {
      inside.left = "a buffer of its module";
      add_entries(inside, members->items);
    } else if (name && *name == "_modules" && members) {
      inside.left = "";
      add_entries(inside, members->items);
    } else if (name && leads_to_tensors(item)) {
      add_child(at, item, join(at.name, *name));
      children_.back().left = "an attribute of its module, not a parameter";
    }
  }
}

} // namespace coppice::io
