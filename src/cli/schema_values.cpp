#include "cli/schema_values.h"

#include <coppice/model/torch_tensors.h>
#include <fmt/format.h>

#include "cli/errors.h"
#include "graph/value_text.h"

namespace coppice::cli {
namespace {

[[noreturn]] void refuse(
    const PickleValue& value,
    const c10::Type& type,
    const std::string& where) {
  throw InputError(fmt::format(
      "{} is {}, but the model takes {} there; give one.",
      where,
      value.is_none() ? "none" : value.kind_name(),
      graph::type_text(type)));
}

const std::vector<PickleValue>* items_of(const PickleValue& value) {
  if (const auto* list = value.get_if<PickleList>()) {
    return &list->items;
  }
  const auto* tuple = value.get_if<PickleTuple>();
  return tuple ? &tuple->items : nullptr;
}

torch::Tensor tensor_of(const PickleTensor& tensor, const std::string& where) {
  try {
    return as_tensor(tensor.tensor);
  } catch (const c10::Error&) {
    throw InputError(fmt::format(
        "{} is a tensor of dtype {}, which no model takes here; give another.",
        where,
        dtype_name(tensor.tensor.dtype)));
  }
}

/// A number given as a tensor without dimensions or a NumPy scalar.
PickleValue number_of(const PickleValue& value, const std::string& where) {
  if (const auto* scalar = value.get_if<PickleNumpyScalar>()) {
    return scalar->value;
  }
  const auto* const stored = value.get_if<PickleTensor>();
  if (stored == nullptr || !stored->tensor.shape.empty()) {
    return value;
  }
  const auto tensor = tensor_of(*stored, where);
  if (tensor.scalar_type() == torch::kBool) {
    return tensor.item<bool>();
  }
  if (tensor.is_complex()) {
    return value;
  }
  return tensor.is_floating_point() ? PickleValue(tensor.item<double>())
                                    : PickleValue(tensor.item<int64_t>());
}

/// A value of a type without elements; nullopt for other types.
c10::optional<c10::IValue> plain_value(
    const PickleValue& given,
    const c10::Type& type,
    const std::string& where) {
  const auto is = [&](const c10::TypePtr& wanted) {
    return type.isSubtypeOf(*wanted);
  };
  if (is(c10::TensorType::get())) {
    const auto* const tensor = given.get_if<PickleTensor>();
    return tensor ? c10::optional<c10::IValue>(tensor_of(*tensor, where))
                  : c10::nullopt;
  }
  const auto value = number_of(given, where);
  if (const auto* flag = value.get_if<bool>();
      flag && is(c10::BoolType::get())) {
    return c10::IValue(*flag);
  }
  const bool is_number = is(c10::NumberType::get());
  if (const auto* integer = value.get_if<int64_t>(); integer && is_number) {
    return is(c10::FloatType::get())
        ? c10::IValue(static_cast<double>(*integer))
        : c10::IValue(*integer);
  }
  if (const auto* number = value.get_if<double>();
      number && is_number && !is(c10::IntType::get())) {
    return c10::IValue(*number);
  }
  if (const auto* text = value.get_if<std::string>();
      text && is(c10::StringType::get())) {
    return c10::IValue(*text);
  }
  return c10::nullopt;
}

c10::IValue list_of(
    const PickleValue& value,
    const c10::ListType& type,
    const std::string& where) {
  const auto* const items = items_of(value);
  const auto* const sizes = value.get_if<PickleSize>();
  if (items == nullptr && sizes == nullptr) {
    refuse(value, type, where);
  }
  const std::vector<PickleValue> all = items
      ? *items
      : std::vector<PickleValue>(sizes->sizes.begin(), sizes->sizes.end());
  c10::impl::GenericList list(type.getElementType());
  for (size_t i = 0; i < all.size(); ++i) {
    list.push_back(value_of(
        all[i], type.getElementType(), fmt::format("{}, item {},", where, i)));
  }
  return list;
}

c10::IValue tuple_of(
    const PickleValue& value,
    const c10::TupleTypePtr& type,
    const std::string& where) {
  const auto* const items = items_of(value);
  const auto& types = type->elements();
  if (items == nullptr || items->size() != types.size()) {
    refuse(value, *type, where);
  }
  std::vector<c10::IValue> elements;
  for (size_t i = 0; i < types.size(); ++i) {
    elements.push_back(
        value_of((*items)[i], types[i], fmt::format("{}, item {},", where, i)));
  }
  return type->schema()
      ? c10::ivalue::Tuple::createNamed(std::move(elements), type)
      : c10::ivalue::Tuple::create(std::move(elements));
}

c10::IValue dict_of(
    const PickleValue& value,
    const c10::DictType& type,
    const std::string& where) {
  const auto* const from = value.get_if<PickleDict>();
  if (from == nullptr) {
    refuse(value, type, where);
  }
  c10::impl::GenericDict dict(type.getKeyType(), type.getValueType());
  for (const auto& [key, item] : from->items) {
    const auto* const name = key.get_if<std::string>();
    dict.insert(
        value_of(key, type.getKeyType(), fmt::format("a key of {}", where)),
        value_of(
            item,
            type.getValueType(),
            name ? fmt::format("{}, entry `{}`,", where, *name)
                 : fmt::format("{}, an entry,", where)));
  }
  return dict;
}

c10::IValue union_of(
    const PickleValue& value,
    const c10::UnionType& type,
    const std::string& where) {
  for (const auto& each : type.containedTypes()) {
    try {
      return value_of(value, each, where);
    } catch (const InputError&) { // The next type may accept it.
      continue;
    }
  }
  refuse(value, type, where);
}

} // namespace

c10::IValue value_of(
    const PickleValue& value,
    const c10::TypePtr& type,
    const std::string& where) {
  if (const auto* optional = type->castRaw<c10::OptionalType>()) {
    return value.is_none() ? c10::IValue()
                           : value_of(value, optional->getElementType(), where);
  }
  if (type->isSubtypeOf(*c10::NoneType::get()) && value.is_none()) {
    return {};
  }
  if (const auto* list = type->castRaw<c10::ListType>()) {
    return list_of(value, *list, where);
  }
  if (const auto tuple = type->cast<c10::TupleType>()) {
    return tuple_of(value, tuple, where);
  }
  if (const auto* dict = type->castRaw<c10::DictType>()) {
    return dict_of(value, *dict, where);
  }
  if (const auto* several = type->castRaw<c10::UnionType>();
      several && !type->isSubtypeOf(*c10::NumberType::get())) {
    return union_of(value, *several, where);
  }
  const auto plain = plain_value(value, *type, where);
  if (!plain) {
    refuse(value, *type, where);
  }
  return *plain;
}

} // namespace coppice::cli
