#include "archive/pickle_maker.h"

#include <fmt/format.h>

namespace coppice::archive {
void PickleMaker::charge(uint64_t bytes) {
  if (bytes > budget_) {
    fail("needs more memory than a pickle of its size can");
  }
  budget_ -= bytes;
}

void PickleMaker::refuse(const PickleClass& type) const {
  input_.fail(
      fmt::format(
          "names {}, which a checkpoint may not contain,",
          quoted(type.module + "." + type.name)),
      "nothing was run; save only a state_dict()");
}

PickleValue PickleMaker::find_class(
    std::string_view module,
    std::string_view name) {
  // Bounds the copies: no name on the allowlist is nearly as long.
  constexpr size_t kMaxLength = 1000;
  if (names_ && (module.size() > kMaxLength || name.size() > kMaxLength)) {
    fail("holds a name of more than 1000 characters");
  }
  PickleClass type =
      current_name(module.substr(0, kMaxLength), name.substr(0, kMaxLength));
  if (type.module == "torch" &&
      (dtype_of_torch_name(name) || name == "complex32" || name == "quint4x2" ||
       name == "quint2x4")) {
    return PickleDtype{"torch." + type.name};
  }
  if (!constructor_of(type, context_.torch_script)) {
    if (!names_) {
      refuse(type);
    }
    return foreign_name(std::move(type));
  }
  return type;
}

void PickleMaker::fail_argument(const PickleItems& arguments, size_t i) const {
  fail(
      i < arguments.size() ? fmt::format(
                                 "passes {} {} as argument {}",
                                 quoted(constructing_),
                                 arguments[i].kind_name(),
                                 i + 1)
                           : fmt::format(
                                 "passes {} only {} arguments",
                                 quoted(constructing_),
                                 arguments.size()));
}

PickleValue PickleMaker::make(
    Constructor constructor,
    const PickleItems& arguments) {
  switch (constructor) {
    case Constructor::OrderedDict:
      return make_ordered(arguments);
    case Constructor::DefaultDict:
      return make_default(arguments);
    case Constructor::Set:
      return make_set(arguments, false);
    case Constructor::FrozenSet:
      return make_set(arguments, true);
    case Constructor::Complex:
      return make_complex(arguments);
    case Constructor::ByteArray:
      return make_bytes(arguments, true);
    case Constructor::EncodeText:
      return make_bytes(arguments, false);
    case Constructor::Size:
      return PickleSize{
          arguments.empty() ? std::vector<int64_t>() : sizes(arguments[0])};
    case Constructor::Device:
      return make_device(arguments);
    case Constructor::Layout:
      if (argument<std::string>(arguments, 0) != "torch.sparse_coo" &&
          argument<std::string>(arguments, 0) != "torch.strided") {
        fail("holds a sparse tensor that is not in coordinate format");
      }
      return PickleClass{
          "torch", argument<std::string>(arguments, 0).substr(6)};
    case Constructor::Tensor:
      return make_tensor(arguments);
    case Constructor::TensorV3:
      return make_tensor_v3(arguments);
    case Constructor::QuantizedTensor:
      return make_quantized(arguments);
    case Constructor::SparseTensor:
      return make_sparse(arguments);
    case Constructor::Parameter:
      return make_parameter(arguments);
    case Constructor::FromType:
      return make_from_type(arguments);
    case Constructor::NumpyScalar:
      return make_numpy_scalar(arguments);
    case Constructor::NumpyDtype:
      return make_numpy_dtype(arguments);
    case Constructor::TypedList:
      argument<PickleList>(arguments, 0);
      return arguments[0];
    case Constructor::TaggedValue:
      argument<std::string>(arguments, 1);
      return arguments[0];
    case Constructor::None:
      break;
  }
  fail("calls something that constructs no data");
}

const PickleItems& PickleMaker::arguments_in(const PickleValue& tuple) const {
  const auto* held = tuple.get_if<PickleTuple>();
  if (!held) {
    fail(fmt::format(
        "passes {} instead of a tuple of arguments", tuple.kind_name()));
  }
  return held->items;
}

PickleValue PickleMaker::call(
    const PickleValue& type,
    const PickleValue& arguments) {
  const auto& items = arguments_in(arguments);
  const auto* name = type.get_if<PickleClass>();
  if (!name && !(names_ && type.get_if<PickleInert>())) {
    fail(fmt::format("calls {}", type.kind_name()));
  }
  const auto constructor = name && !name->is_foreign
      ? constructor_of(*name, context_.torch_script)
      : std::nullopt;
  if (names_ && !(constructor && makes_data(*constructor, items))) {
    return make_inert(type, arguments, {});
  }
  if (!constructor || *constructor == Constructor::None) {
    input_.fail(
        fmt::format(
            "calls {}, which constructs no data,",
            quoted(name->module + "." + name->name)),
        "nothing was run; save only a state_dict()");
  }
  constructing_ = name->name;
  return make(*constructor, items);
}

PickleValue PickleMaker::make_object(
    const PickleValue& type,
    const PickleValue& arguments,
    const PickleValue& keywords) {
  const auto& items = arguments_in(arguments);
  const auto* name = type.get_if<PickleClass>();
  const bool plain = name && context_.torch_script &&
      constructor_of(*name, true) == Constructor::None && items.empty();
  if (plain) {
    charge(name->module.size() + name->name.size());
    return PickleObject{*name, nullptr};
  }
  const auto* dict = keywords.get_if<PickleDict>();
  if (keywords.is_none() || (dict && dict->items.empty())) {
    return call(type, arguments);
  }
  if (!names_) {
    fail("constructs an object with keyword arguments");
  }
  return make_inert(type, arguments, keywords);
}

void PickleMaker::set_state(PickleValue& value, const PickleValue& state) {
  if (auto* inert = value.edit_if<PickleInert>()) {
    inert->states.push_back(state);
    return;
  }
  if (auto* object = value.edit_if<PickleObject>()) {
    object->state = std::make_shared<PickleValue>(state);
    return;
  }
  if (auto* dtype = value.edit_if<PickleDtype>()) {
    const auto* parts = state.get_if<PickleTuple>();
    const auto* order = parts && parts->items.size() > 1
        ? parts->items[1].get_if<std::string>()
        : nullptr;
    if (order && *order == ">" && !names_) {
      input_.fail(
          "holds big-endian numbers", "save it on a little-endian machine");
    }
    if (order && dtype->name.rfind("torch.", 0) != 0) {
      if (*order == ">") {
        dtype->name = ">"; // Big-endian, which is not read.
      }
      return;
    }
  }
  auto* dict = value.edit_if<PickleDict>();
  const auto* attributes = state.get_if<PickleDict>();
  if (!dict || dict->kind != PickleDict::Kind::Ordered || !attributes) {
    fail(fmt::format(
        "sets {} as the state of {}", state.kind_name(), value.kind_name()));
  }
  for (const auto& [key, item] : attributes->items) {
    const auto* text = key.get_if<std::string>();
    if (!text) {
      fail("sets an attribute whose name is not a string");
    }
    charge(text->size() + sizeof(PickleValue));
    dict->attributes.emplace_back(*text, item);
  }
}

std::vector<int64_t> PickleMaker::sizes(const PickleValue& value) {
  constexpr size_t kMaxDimensions = 64; // As in LibTorch.
  if (const auto* size = value.get_if<PickleSize>()) {
    charge(size->sizes.size() * sizeof(int64_t));
    return size->sizes;
  }
  const auto* items = items_of(value);
  if (!items || items->size() > kMaxDimensions) {
    fail(fmt::format("has {} as the size of a tensor", value.kind_name()));
  }
  std::vector<int64_t> sizes;
  for (const auto& item : *items) {
    const auto* size = item.get_if<int64_t>();
    if (!size || *size < 0) {
      fail(
          "has a tensor with a size or stride that is not a nonnegative "
          "integer");
    }
    sizes.push_back(*size);
  }
  charge(sizes.size() * sizeof(int64_t));
  return sizes;
}

} // namespace coppice::archive
