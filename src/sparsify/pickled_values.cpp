#include "sparsify/pickled_values.h"

#include <torch/torch.h>

#include <optional>

#include "coppice/model/torch_tensors.h"

namespace coppice::sparsify {
namespace {

template <class List>
std::vector<PickleValue> pickled_items(const List& list) {
  std::vector<PickleValue> items;
  for (const c10::IValue& item : list) {
    items.push_back(pickled(item));
  }
  return items;
}

torch::Tensor own_tensor(const PickleTensor& pickle) {
  return as_tensor(pickle.tensor).clone();
}

/// Limits the memory that a small file can ask for.
void check_density(const PickleSparseTensor& pickle) {
  constexpr double kFree = 1 << 20;
  constexpr double kElementsAValue = 1 << 16;
  double elements = 1;
  for (const int64_t size : pickle.size) {
    elements *= static_cast<double>(size);
  }
  TORCH_CHECK_VALUE(
      elements <= kFree + kElementsAValue * pickle.values.tensor.numel(),
      "a sparse tensor of shape ",
      torch::IntArrayRef(pickle.size),
      " has only ",
      pickle.values.tensor.numel(),
      " values");
}

torch::Tensor dense_tensor(const PickleSparseTensor& pickle) {
  check_density(pickle);
  const auto sparse = torch::sparse_coo_tensor(
      own_tensor(pickle.indices), own_tensor(pickle.values), pickle.size);
  return sparse.to_dense(); // The indices were checked when it was made.
}

std::optional<c10::IValue> ivalue_of(const PickleValue& value);

std::optional<std::vector<c10::IValue>> ivalues_of(
    const std::vector<PickleValue>& items) {
  std::vector<c10::IValue> values;
  for (const auto& item : items) {
    auto value = ivalue_of(item);
    if (!value) {
      return std::nullopt;
    }
    values.push_back(*std::move(value));
  }
  return values;
}

c10::IValue list_of(const std::vector<c10::IValue>& items) {
  c10::impl::GenericList list(c10::AnyType::get());
  for (const auto& item : items) {
    list.push_back(item);
  }
  return list;
}

std::optional<c10::IValue> ivalue_of(const PickleValue& value) {
  if (value.is_none()) {
    return c10::IValue();
  }
  if (const auto* flag = value.get_if<bool>()) {
    return c10::IValue(*flag);
  }
  if (const auto* integer = value.get_if<int64_t>()) {
    return c10::IValue(*integer);
  }
  if (const auto* number = value.get_if<double>()) {
    return c10::IValue(*number);
  }
  if (const auto* text = value.get_if<std::string>()) {
    return c10::IValue(*text);
  }
  if (const auto* scalar = value.get_if<PickleNumpyScalar>()) {
    return ivalue_of(scalar->value);
  }
  if (const auto* list = value.get_if<PickleList>()) {
    const auto items = ivalues_of(list->items);
    return items ? std::optional(list_of(*items)) : std::nullopt;
  }
  if (const auto* tuple = value.get_if<PickleTuple>()) {
    auto items = ivalues_of(tuple->items);
    return items ? std::optional<c10::IValue>(
                       c10::ivalue::Tuple::create(*std::move(items)))
                 : std::nullopt;
  }
  if (auto tensor = tensor_of(value); tensor.defined()) {
    return c10::IValue(std::move(tensor));
  }
  return std::nullopt;
}

} // namespace

PickleValue pickled(const torch::Tensor& tensor) {
  PickleTensor pickle;
  pickle.tensor = as_stored("", tensor);
  return pickle;
}

PickleValue pickled_sparse(const torch::Tensor& tensor) {
  const auto sparse =
      (tensor.is_sparse() ? tensor : tensor.to_sparse()).coalesce();
  PickleSparseTensor pickle;
  pickle.indices.tensor = as_stored("", sparse.indices());
  pickle.values.tensor = as_stored("", sparse.values());
  pickle.size = tensor.sizes().vec();
  return pickle;
}

PickleValue pickled(const c10::IValue& value) {
  if (value.isNone()) {
    return {};
  }
  if (value.isBool()) {
    return value.toBool();
  }
  if (value.isInt()) {
    return value.toInt();
  }
  if (value.isDouble()) {
    return value.toDouble();
  }
  if (value.isString()) {
    return value.toStringRef();
  }
  if (value.isTensor()) {
    const auto& tensor = value.toTensor();
    return tensor.is_sparse() ? pickled_sparse(tensor) : pickled(tensor);
  }
  if (value.isTuple()) {
    return PickleTuple{pickled_items(value.toTupleRef().elements())};
  }
  TORCH_CHECK_TYPE(
      value.isList(),
      "a state with a value of type ",
      value.tagKind(),
      " cannot be saved; keep numbers, text, lists and tensors in it");
  return PickleList{pickled_items(value.toListRef())};
}

PickleValue pickled(const Values& values) {
  PickleDict dict;
  for (const auto& [name, value] : values) {
    dict.set(name, pickled(value));
  }
  return dict;
}

torch::Tensor tensor_of(const PickleValue& value) {
  if (const auto* dense = value.get_if<PickleTensor>()) {
    return own_tensor(*dense);
  }
  if (const auto* sparse = value.get_if<PickleSparseTensor>()) {
    return dense_tensor(*sparse);
  }
  return {};
}

Values values_of(const PickleValue& value) {
  const auto* dict = value.get_if<PickleDict>();
  TORCH_CHECK_VALUE(
      dict, "expected a dictionary, got ", std::string(value.kind_name()));
  Values values;
  for (const auto& [key, entry] : dict->items) {
    const auto* name = key.get_if<std::string>();
    TORCH_CHECK_VALUE(name, "expected names as keys of a dictionary");
    if (auto converted = ivalue_of(entry)) {
      values[*name] = *std::move(converted);
    }
  }
  return values;
}

} // namespace coppice::sparsify
