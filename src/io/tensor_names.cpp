#include "io/tensor_names.h"

#include <fmt/format.h>

#include "archive/byte_reader.h"
#include "coppice/archive/file_error.h"

namespace coppice::io {
namespace {

std::string join(const std::string& name, const std::string& part) {
  return name.empty() ? part : name + "." + part;
}

/// A key as it stands in a name; what is neither text nor number goes by its
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

/// Classes that LibTorch's own code packs and unpacks.
bool is_packed(const PickleObject& object) {
  return object.type.module.rfind("__torch__.torch.classes", 0) == 0;
}

} // namespace

TensorNames::TensorNames(std::string where, uint64_t pickle_size)
    : where_(std::move(where)), budget_(65536 + 64 * pickle_size) {}

void TensorNames::charge(uint64_t bytes) {
  if (bytes > budget_) {
    throw FileError(fmt::format(
        "{} names the same tensors again and again, more often than its size "
        "can mean; save it again.",
        where_));
  }
  budget_ -= bytes;
}

void TensorNames::add(
    const PickleValue& value,
    const std::string& name,
    const std::string& fixed) {
  charge(1 + name.size());
  if (const auto* tensor = value.get_if<PickleTensor>()) {
    add_tensor(*tensor, name, fixed);
  } else if (const auto* sparse = value.get_if<PickleSparseTensor>()) {
    const std::string why = "part of a sparse tensor";
    add_tensor(sparse->indices, join(name, "indices"), why);
    add_tensor(sparse->values, join(name, "values"), why);
  } else if (const auto* dict = value.get_if<PickleDict>()) {
    add_dict(*dict, name, fixed);
  } else if (const auto* list = value.get_if<PickleList>()) {
    add_items(list->items, name, fixed);
  } else if (const auto* tuple = value.get_if<PickleTuple>()) {
    add_items(tuple->items, name, fixed);
  } else if (const auto* object = value.get_if<PickleObject>()) {
    add_object(*object, name, fixed);
  }
}

void TensorNames::add_tensor(
    const PickleTensor& tensor,
    const std::string& name,
    const std::string& fixed) {
  StoredTensor listed = tensor.tensor;
  listed.name = name.empty() ? "tensor" : name;
  charge(listed.name.size());
  if (listed.fixed_because.empty()) {
    listed.fixed_because = fixed;
  }
  if (!names_.insert(listed.name).second) {
    throw FileError(fmt::format(
        "{} holds two tensors of the name {}; rename one of them.",
        where_,
        archive::quoted(listed.name)));
  }
  tensors_.push_back(std::move(listed));
}

void TensorNames::add_items(
    const std::vector<PickleValue>& items,
    const std::string& name,
    const std::string& fixed) {
  for (size_t i = 0; i < items.size(); ++i) {
    add(items[i], join(name, std::to_string(i)), fixed);
  }
}

void TensorNames::add_dict(
    const PickleDict& dict,
    const std::string& name,
    const std::string& fixed) {
  for (size_t i = 0; i < dict.items.size(); ++i) {
    const auto& [key, item] = dict.items[i];
    add(item, join(name, text_of_key(key, i)), fixed);
  }
}

void TensorNames::add_object(
    const PickleObject& object,
    const std::string& name,
    const std::string& fixed) {
  if (!object.state) {
    return;
  }
  // A module's state is a dictionary of its attributes; whatever else there is
  // belongs to a class that reads it in its own way.
  const bool is_module =
      object.state->get_if<PickleDict>() && !is_packed(object);
  add(*object.state,
      name,
      is_module || !fixed.empty() ? fixed : "part of a packed object");
}

} // namespace coppice::io
