#include "io/inert_objects.h"

#include <algorithm>
#include <array>

namespace coppice::io {
namespace {

const PickleClass* class_of(const PickleInert& object) {
  return object.maker.get_if<PickleClass>();
}

bool is_dict(const PickleValue* value) {
  return value && value->get_if<PickleDict>();
}

/// The parts of a pickled NumPy array.
struct ArrayParts {
  const PickleValue* shape = nullptr;
  const PickleValue* dtype = nullptr;
  const PickleValue* content = nullptr; ///< Bytes, or a list of objects.
  bool is_fortran = false;              ///< Column-major.
};

/// The argument of `__setstate__`: (version, shape, dtype, is_fortran,
/// content).
std::optional<ArrayParts> parts_of_state(const PickleInert& array) {
  const auto* state = array.states.size() == 1
      ? array.states[0].get_if<PickleTuple>()
      : nullptr;
  if (!state || state->items.size() < 4) {
    return std::nullopt;
  }
  const auto& items = state->items;
  const size_t first = items.size() == 4 ? 0 : 1; // Without a version at first.
  const auto* is_fortran = items[first + 2].get_if<bool>();
  const auto* as_number = items[first + 2].get_if<int64_t>();
  ArrayParts parts;
  parts.shape = &items[first];
  parts.dtype = &items[first + 1];
  parts.content = &items[first + 3];
  parts.is_fortran =
      (is_fortran && *is_fortran) || (as_number && *as_number != 0);
  return parts;
}

/// `_frombuffer(content, dtype, shape, order)` of protocol 5.
std::optional<ArrayParts> parts_of_buffer(const PickleInert& array) {
  const auto* arguments = array.arguments.get_if<PickleTuple>();
  if (!arguments || arguments->items.size() < 3) {
    return std::nullopt;
  }
  const auto& items = arguments->items;
  const auto* order =
      items.size() > 3 ? items[3].get_if<std::string>() : nullptr;
  ArrayParts parts;
  parts.content = &items[0];
  parts.dtype = &items[1];
  parts.shape = &items[2];
  parts.is_fortran = order && *order == "F";
  return parts;
}

std::optional<ArrayParts> parts_of(const PickleInert& array) {
  return class_of(array)->name == "_frombuffer" ? parts_of_buffer(array)
                                                : parts_of_state(array);
}

std::optional<Dtype> dtype_of_numpy(std::string_view name) {
  struct Row {
    std::string_view name;
    Dtype dtype;
  };
  constexpr std::array<Row, 14> kRows = {{
      {"f4", Dtype::F32},
      {"f8", Dtype::F64},
      {"f2", Dtype::F16},
      {"i8", Dtype::I64},
      {"i4", Dtype::I32},
      {"i2", Dtype::I16},
      {"i1", Dtype::I8},
      {"u8", Dtype::U64},
      {"u4", Dtype::U32},
      {"u2", Dtype::U16},
      {"u1", Dtype::U8},
      {"b1", Dtype::BOOL},
      {"c8", Dtype::C64},
      {"c16", Dtype::C128},
  }};
  for (const auto& row : kRows) {
    if (row.name == name) {
      return row.dtype;
    }
  }
  return std::nullopt;
}

/// The shape of an array if it has that many elements.
std::optional<std::vector<int64_t>> shape_of(
    const PickleValue& value,
    uint64_t elements) {
  constexpr size_t kMaxDimensions = 64;
  const auto* items = value.get_if<PickleTuple>();
  if (!items || items->items.size() > kMaxDimensions) {
    return std::nullopt;
  }
  std::vector<int64_t> shape;
  int64_t product = 1; // Empty axes count as one, for strides.
  bool is_empty = false;
  for (const auto& item : items->items) {
    const auto* size = item.get_if<int64_t>();
    if (!size || *size < 0 ||
        __builtin_mul_overflow(
            product, std::max<int64_t>(1, *size), &product)) {
      return std::nullopt;
    }
    is_empty |= *size == 0;
    shape.push_back(*size);
  }
  const auto count = is_empty ? 0 : static_cast<uint64_t>(product);
  return count == elements ? std::optional(shape) : std::nullopt;
}

std::vector<int64_t> fortran_strides(const std::vector<int64_t>& shape) {
  std::vector<int64_t> strides(shape.size(), 1);
  for (size_t i = 1; i < shape.size(); ++i) {
    strides[i] = strides[i - 1] * std::max<int64_t>(1, shape[i - 1]);
  }
  return strides;
}

bool is_in(const PickleClass& type, std::string_view module) {
  return type.module.substr(0, module.size()) == module &&
      (type.module.size() == module.size() ||
       type.module[module.size()] == '.');
}

} // namespace

const PickleDict* module_attributes(const PickleValue& value) {
  const auto* attributes = value.get_if<PickleDict>();
  return attributes && is_dict(attributes->find("_parameters")) &&
          is_dict(attributes->find("_modules"))
      ? attributes
      : nullptr;
}

std::string why_no_weights(const PickleInert& module) {
  const auto* type = class_of(module);
  if (!type) {
    return "";
  }
  if (is_in(*type, "torch.nn.modules.sparse")) {
    return "an embedding";
  }
  for (const auto* norms :
       {"torch.nn.modules.normalization",
        "torch.nn.modules.batchnorm",
        "torch.nn.modules.instancenorm"}) {
    if (is_in(*type, norms)) {
      return "of a norm";
    }
  }
  return "";
}

bool is_optimizer(const PickleInert& object) {
  return std::any_of(
      object.states.begin(), object.states.end(), [](const auto& state) {
        const auto* attributes = state.template get_if<PickleDict>();
        return attributes && attributes->find("param_groups") &&
            attributes->find("state");
      });
}

const PickleTuple* parts_of_partial(const PickleInert& object) {
  const auto* type = class_of(object);
  if (!type || type->module != "functools" || type->name != "partial" ||
      object.states.size() != 1) {
    return nullptr;
  }
  const auto* parts = object.states[0].get_if<PickleTuple>();
  return parts && parts->items.size() == 4 ? parts : nullptr;
}

bool is_tensor_function(const PickleInert& object) {
  const auto* type = class_of(object);
  return type && type->module == "torch._utils" &&
      type->name.rfind("_rebuild_", 0) == 0;
}

bool is_numpy_array(const PickleInert& object) {
  const auto* type = class_of(object);
  if (!type) {
    return false;
  }
  return (type->module == "numpy.core.multiarray" &&
          type->name == "_reconstruct") ||
      ((type->module == "numpy.core.numeric" ||
        type->module == "numpy._core.numeric") &&
       type->name == "_frombuffer");
}

std::optional<PickleTensor> tensor_of_array(const PickleInert& array) {
  const auto parts = parts_of(array);
  const auto* type = parts ? parts->dtype->get_if<PickleDtype>() : nullptr;
  const auto* bytes = parts ? parts->content->get_if<PickleBytes>() : nullptr;
  const auto dtype = type ? dtype_of_numpy(type->name) : std::nullopt;
  if (!bytes || !dtype) {
    return std::nullopt;
  }
  const auto width = static_cast<uint64_t>(dtype_bits(*dtype)) / 8;
  const auto shape = shape_of(*parts->shape, bytes->bytes.size() / width);
  if (!shape || bytes->bytes.size() % width != 0) {
    return std::nullopt;
  }
  PickleTensor result;
  result.tensor.dtype = *dtype;
  result.tensor.shape = *shape;
  result.tensor.strides =
      parts->is_fortran ? fortran_strides(*shape) : contiguous_strides(*shape);
  result.tensor.data = reinterpret_cast<const std::byte*>(bytes->bytes.data());
  result.tensor.owner = std::make_shared<PickleValue>(*parts->content);
  return result;
}

const std::vector<PickleValue>* objects_of_array(const PickleInert& array) {
  const auto parts = parts_of(array);
  const auto* list = parts ? parts->content->get_if<PickleList>() : nullptr;
  return list ? &list->items : nullptr;
}

} // namespace coppice::io
