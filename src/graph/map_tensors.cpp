#include "graph/map_tensors.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "coppice/core/values.h"

namespace coppice::graph {
namespace {

c10::IValue map_tuple(
    const c10::IValue& value,
    const std::function<torch::Tensor(const torch::Tensor&)>& change) {
  std::vector<c10::IValue> elements;
  for (const auto& each : value.toTupleRef().elements()) {
    elements.push_back(map_tensors(each, change));
  }
  const auto type = value.type()->cast<c10::TupleType>();
  return type && type->schema() // Named tuples keep their type.
      ? c10::ivalue::Tuple::createNamed(std::move(elements), type)
      : c10::ivalue::Tuple::create(std::move(elements));
}

c10::IValue map_list(
    const c10::IValue& value,
    const std::function<torch::Tensor(const torch::Tensor&)>& change) {
  const auto from = value.toList();
  c10::impl::GenericList list(from.elementType());
  for (c10::IValue each : from) {
    list.push_back(map_tensors(each, change));
  }
  return list;
}

c10::IValue map_dict(
    const c10::IValue& value,
    const std::function<torch::Tensor(const torch::Tensor&)>& change) {
  const auto from = value.toGenericDict();
  c10::impl::GenericDict dict(from.keyType(), from.valueType());
  for (const auto& entry : from) {
    dict.insert(entry.key(), map_tensors(entry.value(), change));
  }
  return dict;
}

bool is_same_dict(const c10::IValue& a, const c10::IValue& b) {
  const auto x = a.toGenericDict();
  const auto y = b.toGenericDict();
  return x.size() == y.size() &&
      std::all_of(x.begin(), x.end(), [&](const auto& entry) {
           return y.contains(entry.key()) &&
               is_same(entry.value(), y.at(entry.key()));
         });
}

bool is_same_sequence(
    const std::vector<c10::IValue>& a,
    const std::vector<c10::IValue>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), is_same);
}

} // namespace

c10::IValue map_tensors(
    const c10::IValue& value,
    const std::function<torch::Tensor(const torch::Tensor&)>& change) {
  if (value.isTensor()) {
    return value.toTensor().defined() ? c10::IValue(change(value.toTensor()))
                                      : value;
  }
  if (value.isTuple()) {
    return map_tuple(value, change);
  }
  if (value.isList()) {
    return map_list(value, change);
  }
  return value.isGenericDict() ? map_dict(value, change) : value;
}

c10::IValue copy_of(const c10::IValue& value) {
  return map_tensors(value, [](const torch::Tensor& tensor) {
    return tensor.detach().clone();
  });
}

bool is_same(const c10::IValue& a, const c10::IValue& b) {
  if (a.isGenericDict() && b.isGenericDict()) {
    return is_same_dict(a, b);
  }
  if (a.isTuple() && b.isTuple()) {
    return is_same_sequence(
        a.toTupleRef().elements().vec(), b.toTupleRef().elements().vec());
  }
  if (a.isList() && b.isList()) {
    return is_same_sequence(a.toList().vec(), b.toList().vec());
  }
  return same_value(a, b);
}

} // namespace coppice::graph
