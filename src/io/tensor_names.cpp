#include "io/tensor_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <tuple>

#include "archive/byte_reader.h"
#include "archive/pickle_tree.h"
#include "coppice/archive/file_error.h"

namespace coppice::io {
namespace {

/// A key as part of a name; keys other than text, numbers and None become their
/// position.
std::string text_of_key(const PickleValue& key, size_t position) {
  if (const auto* text = key.get_if<std::string>()) {
    return *text;
  }
  if (const auto* number = key.get_if<int64_t>()) {
    return std::to_string(*number);
  }
  if (const auto* number = key.get_if<double>()) {
    return fmt::format("{}", *number);
  }
  if (const auto* truth = key.get_if<bool>()) {
    return *truth ? "True" : "False";
  }
  return key.is_none() ? "None" : fmt::format("#{}", position);
}

/// LibTorch's packed classes.
bool is_packed(const PickleObject& object) {
  return object.type.module.rfind("__torch__.torch.classes", 0) == 0;
}

} // namespace

TensorNames::TensorNames(std::string where, uint64_t pickle_size)
    : where_(std::move(where)), budget_(65536 + 64 * pickle_size) {}

std::string TensorNames::join(
    const std::string& name,
    const std::string& part) {
  return name.empty() ? part : name + "." + part;
}

bool TensorNames::leads_to_tensors(const PickleValue& value) {
  return value.get_if<PickleTensor>() || value.get_if<PickleSparseTensor>() ||
      archive::is_container(value);
}

void TensorNames::charge(uint64_t bytes) {
  if (bytes > budget_) {
    throw FileError(fmt::format(
        "{} refers to the same tensors more often than its size allows; save "
        "it again.",
        where_));
  }
  budget_ -= bytes;
}

void TensorNames::add(
    const PickleValue& value,
    const std::string& name,
    const std::string& fixed) {
  visits_.push_back({&value, name, fixed, "", Way::Plain, nullptr});
  while (!visits_.empty()) {
    const Visit next = std::move(visits_.back());
    visits_.pop_back();
    if (next.leaves) {
      on_way_.erase(next.leaves);
      continue;
    }
    visit(next);
    // The first child is visited next.
    visits_.insert(
        visits_.end(),
        std::make_move_iterator(children_.rbegin()),
        std::make_move_iterator(children_.rend()));
    children_.clear();
  }
}

void TensorNames::visit(const Visit& at) {
  charge(1 + at.name.size());
  const PickleValue& value = *at.value;
  if (const auto* tensor = value.get_if<PickleTensor>()) {
    add_tensor(at, *tensor, at.name, at.fixed);
  } else if (const auto* sparse = value.get_if<PickleSparseTensor>()) {
    const std::string why = "part of a sparse tensor";
    add_tensor(at, sparse->indices, join(at.name, "indices"), why);
    add_tensor(at, sparse->values, join(at.name, "values"), why);
  } else if (!enter(at)) {
    return;
  } else if (const auto* dict = value.get_if<PickleDict>()) {
    add_entries(at, dict->items);
  } else if (const auto* list = value.get_if<PickleList>()) {
    add_items(at, list->items);
  } else if (const auto* tuple = value.get_if<PickleTuple>()) {
    add_items(at, tuple->items);
  } else if (const auto* object = value.get_if<PickleObject>()) {
    add_object(at, *object);
  } else if (const auto* inert = value.get_if<PickleInert>()) {
    add_inert(at, *inert);
  } else if (const auto* set = value.get_if<PickleSet>();
             set && at.way != Way::Plain) {
    add_items(at, set->items);
  }
}

/// Whether to visit a container: those reached through objects once, and never
/// within themselves.
bool TensorNames::enter(const Visit& at) {
  const void* const identity = at.value->identity();
  const bool is_inert = at.value->get_if<PickleInert>() != nullptr;
  if (is_inert && !on_way_.insert(identity).second) {
    return false;
  }
  if (is_inert) {
    Visit end;
    end.leaves = identity;
    visits_.push_back(std::move(end));
  }
  if (at.way == Way::Object || is_inert) {
    return seen_.insert(identity).second || at.way != Way::Object;
  }
  return true;
}

void TensorNames::add_child(
    const Visit& at,
    const PickleValue& value,
    std::string name) {
  children_.push_back(
      {&value, std::move(name), at.fixed, at.left, at.way, nullptr});
}

void TensorNames::add_tensor(
    const Visit& at,
    const PickleTensor& tensor,
    const std::string& name,
    const std::string& fixed) {
  Listed listed;
  listed.tensor = tensor.tensor;
  listed.tensor.name = free_name(name.empty() ? "tensor" : name, at.way);
  if (listed.tensor.fixed_because.empty()) {
    listed.tensor.fixed_because = fixed;
  }
  listed.left = at.left;
  listed.may_have_other_name = at.way == Way::Object;
  tensors_.push_back(std::move(listed));
}

/// An unused name. In objects, attributes and items may collide; in plain data
/// that is an error.
std::string TensorNames::free_name(std::string name, Way way) {
  charge(name.size());
  if (names_.insert(name).second) {
    return name;
  }
  if (way == Way::Plain) {
    throw FileError(fmt::format(
        "{} holds two tensors of the name {}; rename one of them.",
        where_,
        archive::quoted(name)));
  }
  for (size_t i = 2;; ++i) {
    auto other = fmt::format("{}#{}", name, i);
    charge(other.size());
    if (names_.insert(other).second) {
      return other;
    }
  }
}

void TensorNames::add_items(
    const Visit& at,
    const std::vector<PickleValue>& items) {
  charge(items.size());
  for (size_t i = 0; i < items.size(); ++i) {
    if (leads_to_tensors(items[i])) {
      add_child(at, items[i], join(at.name, std::to_string(i)));
    }
  }
}

void TensorNames::add_entries(
    const Visit& at,
    const std::vector<std::pair<PickleValue, PickleValue>>& entries) {
  charge(entries.size());
  for (size_t i = 0; i < entries.size(); ++i) {
    const auto& [key, item] = entries[i];
    if (leads_to_tensors(item)) {
      add_child(at, item, join(at.name, text_of_key(key, i)));
    }
  }
}

void TensorNames::add_object(const Visit& at, const PickleObject& object) {
  if (!object.state) {
    return;
  }
  // The state of a module is a dictionary of attributes; other states have a
  // class-specific form.
  const bool is_module =
      object.state->get_if<PickleDict>() && !is_packed(object);
  add_child(at, *object.state, at.name);
  if (!is_module && at.fixed.empty()) {
    children_.back().fixed = "part of a packed object";
  }
}

/// A tensor that is both in a module and in another object, such as an
/// optimizer, keeps only its name in the module.
void TensorNames::drop_second_names() {
  using Key = std::tuple<
      const std::byte*,
      Dtype,
      std::vector<int64_t>,
      std::vector<int64_t>>;
  const auto key_of = [](const StoredTensor& tensor) {
    return Key(tensor.data, tensor.dtype, tensor.shape, tensor.strides);
  };
  const auto is_second = [](const Listed& listed) {
    return listed.may_have_other_name && listed.tensor.numel() > 0;
  };
  if (std::none_of(tensors_.begin(), tensors_.end(), is_second)) {
    return;
  }
  std::set<Key> known;
  for (const auto& listed : tensors_) {
    if (!is_second(listed)) {
      known.insert(key_of(listed.tensor));
    }
  }
  tensors_.erase(
      std::remove_if(
          tensors_.begin(),
          tensors_.end(),
          [&](const Listed& listed) {
            return is_second(listed) &&
                !known.insert(key_of(listed.tensor)).second;
          }),
      tensors_.end());
}

void TensorNames::give_to(Checkpoint& checkpoint) {
  drop_second_names();
  auto& tensors = checkpoint.state.tensors;
  tensors.reserve(tensors.size() + tensors_.size());
  for (auto& listed : tensors_) {
    if (!listed.left.empty()) {
      checkpoint.left_because[listed.tensor.name] = std::move(listed.left);
    }
    tensors.push_back(std::move(listed.tensor));
  }
  tensors_.clear();
}

} // namespace coppice::io
