// PickleMaker: tensors, storages and NumPy scalars.

#include <fmt/format.h>

#include "archive/pickle_maker.h"
#include "archive/tensor_view.h"

namespace coppice::archive {
namespace {

uint64_t bytes_of(Dtype dtype) {
  return static_cast<uint64_t>(dtype_bits(dtype)) / 8;
}

/// Multiplies an element count and an element size from a file; false on
/// overflow.
bool multiply(int64_t count, uint64_t size, uint64_t& product) {
  return count >= 0 &&
      !__builtin_mul_overflow(static_cast<uint64_t>(count), size, &product) &&
      product <= uint64_t(INT64_MAX);
}

/// Whether `_rebuild_tensor_v2` gets a lazy conjugate or negation.
bool is_lazy(const PickleItems& arguments) {
  const auto* metadata =
      arguments.size() > 6 ? arguments[6].get_if<PickleDict>() : nullptr;
  return metadata && !metadata->items.empty();
}

} // namespace

PickleValue PickleMaker::persistent_load(const PickleValue& id) {
  constructing_ = "a persistent id";
  const auto* parts = id.get_if<PickleTuple>();
  if (!parts) {
    fail(fmt::format("holds {} as a persistent id", id.kind_name()));
  }
  if (argument<std::string>(parts->items, 0) == "module") {
    if (!names_) {
      input_.fail("holds a whole model and its code", "save its state_dict()");
    }
    argument<PickleClass>(parts->items, 1);
    return parts->items[1]; // Followed by its source code.
  }
  const auto& type = argument<PickleClass>(parts->items, 1);
  const auto dtype = dtype_of_storage(type);
  if (argument<std::string>(parts->items, 0) != "storage" || !dtype) {
    fail("holds a persistent id that is not a storage");
  }
  StorageId wanted;
  const auto& key = argument<std::string>(parts->items, 2);
  charge(key.size());
  wanted.key = key;
  wanted.dtype = *dtype;
  const uint64_t width = bytes_of(*dtype);
  if (!multiply(argument<int64_t>(parts->items, 4), width, wanted.size)) {
    fail("holds a storage of an impossible size");
  }
  if (parts->items.size() > 5 && !parts->items[5].is_none()) {
    const auto& view = argument<PickleTuple>(parts->items, 5);
    wanted.view.emplace();
    if (!multiply(
            argument<int64_t>(view.items, 1), width, wanted.view->offset) ||
        !multiply(argument<int64_t>(view.items, 2), width, wanted.view->size)) {
      fail("holds a view of an impossible size");
    }
  }
  if (!context_.load_storage) {
    fail("holds a tensor in a place where none is allowed");
  }
  return context_.load_storage(wanted);
}

PickleTensor PickleMaker::tensor_over(
    const PickleStorage& storage,
    Dtype dtype,
    const PickleItems& arguments) {
  charge(sizeof(PickleTensor));
  PickleTensor result;
  result.storage = storage;
  StoredTensor& tensor = result.tensor;
  tensor.dtype = dtype;
  tensor.shape = sizes(arguments.size() > 2 ? arguments[2] : PickleValue());
  tensor.strides = sizes(arguments.size() > 3 ? arguments[3] : PickleValue());
  if (tensor.shape.size() != tensor.strides.size()) {
    fail("has a tensor with different numbers of sizes and strides");
  }
  const auto extent = view_extent(tensor.shape, tensor.strides);
  uint64_t offset = 0;
  uint64_t end = 0;
  if (!extent ||
      !multiply(argument<int64_t>(arguments, 1), bytes_of(dtype), offset) ||
      !multiply(int64_t(*extent), bytes_of(dtype), end) ||
      offset > storage.size || end > storage.size - offset) {
    fail("holds a tensor that extends beyond its storage");
  }
  // Bounds the time of loops over the elements.
  constexpr uint64_t kMaxRepeats = 1024;
  if (static_cast<uint64_t>(tensor.numel()) / kMaxRepeats > *extent) {
    fail("holds a tensor that repeats its elements more than 1024 times");
  }
  tensor.owner = storage.owner;
  tensor.data = storage.data ? storage.data + offset : nullptr;
  tensor.fixed_because = storage.fixed_because;
  if (!is_injective(tensor.shape, tensor.strides)) {
    tensor.fixed_because = "its elements share memory";
  }
  return result;
}

PickleValue PickleMaker::make_tensor(const PickleItems& arguments) {
  const auto& storage = argument<PickleStorage>(arguments, 0);
  auto result = tensor_over(storage, storage.dtype, arguments);
  if (arguments.size() > 4) {
    result.requires_grad = argument<bool>(arguments, 4);
  }
  if (is_lazy(arguments)) {
    result.tensor.fixed_because = "a lazy conjugate or negation";
  }
  return result;
}

PickleValue PickleMaker::make_tensor_v3(const PickleItems& arguments) {
  const auto& storage = argument<PickleStorage>(arguments, 0);
  const auto& name = argument<PickleDtype>(arguments, 6).name;
  const bool is_torch = name.rfind("torch.", 0) == 0;
  const auto dtype =
      is_torch ? dtype_of_torch_name(name.substr(6)) : std::nullopt;
  if (!dtype) {
    fail(fmt::format("holds a tensor of the dtype {}", quoted(name)));
  }
  auto result = tensor_over(storage, *dtype, arguments);
  result.storage.dtype = *dtype;
  result.requires_grad = argument<bool>(arguments, 4);
  return result;
}

PickleValue PickleMaker::make_quantized(const PickleItems& arguments) {
  const auto& storage = argument<PickleStorage>(arguments, 0);
  auto result = tensor_over(storage, storage.dtype, arguments);
  result.tensor.fixed_because = "quantized";
  return result;
}

PickleValue PickleMaker::make_sparse(const PickleItems& arguments) {
  const auto& layout = argument<PickleClass>(arguments, 0);
  const auto& parts = argument<PickleTuple>(arguments, 1).items;
  if (layout.name != "sparse_coo") {
    fail("holds a sparse tensor that is not in coordinate format");
  }
  PickleSparseTensor sparse;
  sparse.indices = argument<PickleTensor>(parts, 0);
  sparse.values = argument<PickleTensor>(parts, 1);
  charge(2 * sizeof(PickleTensor));
  sparse.size = sizes(parts.size() > 2 ? parts[2] : PickleValue());
  const auto& index_shape = sparse.indices.tensor.shape;
  const auto& value_shape = sparse.values.tensor.shape;
  if (sparse.indices.tensor.dtype != Dtype::I64 || index_shape.size() != 2 ||
      value_shape.empty() || index_shape[1] != value_shape[0] ||
      static_cast<size_t>(index_shape[0]) + value_shape.size() - 1 !=
          sparse.size.size()) {
    fail("holds a sparse tensor whose indices and values do not match");
  }
  return sparse;
}

PickleValue PickleMaker::make_parameter(const PickleItems& arguments) {
  auto parameter = argument<PickleTensor>(arguments, 0);
  charge(sizeof(PickleTensor));
  parameter.is_parameter = true;
  parameter.requires_grad = argument<bool>(arguments, 1);
  return parameter;
}

PickleValue PickleMaker::make_from_type(const PickleItems& arguments) {
  // The Python attributes of a tensor, argument 3, are dropped. The function
  // must not be this one again: that would recurse.
  const auto& function = argument<PickleClass>(arguments, 0);
  argument<PickleTuple>(arguments, 2);
  if (constructor_of(function, false) == Constructor::FromType) {
    fail_argument(arguments, 0);
  }
  PickleValue result = call(arguments[0], arguments[2]);
  if (auto* tensor = result.edit_if<PickleTensor>()) {
    const auto& type = argument<PickleClass>(arguments, 1);
    tensor->is_parameter |= type.name == "Parameter";
    return result;
  }
  if (auto* inert = result.edit_if<PickleInert>()) {
    // A tensor made of others, which are its attributes.
    if (arguments.size() > 3) {
      inert->states.push_back(arguments[3]);
    }
    return result;
  }
  fail("rebuilds a tensor from something else");
}

PickleValue PickleMaker::make_numpy_dtype(const PickleItems& arguments) {
  const auto& name = argument<std::string>(arguments, 0);
  constexpr size_t kMaxLength = 16;
  if (name.size() > kMaxLength || name.rfind("torch.", 0) == 0) {
    fail(fmt::format("names NumPy's dtype {}", quoted(name)));
  }
  return PickleDtype{name};
}

PickleValue PickleMaker::make_numpy_scalar(const PickleItems& arguments) {
  PickleNumpyScalar scalar;
  scalar.dtype = argument<PickleDtype>(arguments, 0).name;
  const auto& given = argument<PickleBytes>(arguments, 1);
  charge(given.bytes.size());
  const auto read = [&given](auto zero) {
    return number_at<decltype(zero)>(given.bytes, 0);
  };
  const std::string_view type = scalar.dtype;
  const char kind = type.empty() ? ' ' : type[0];
  const bool fits = type.size() == 2 &&
      given.bytes.size() == static_cast<size_t>(type[1] - '0');
  if (!fits) {
    scalar.value = PickleBytes{given.bytes};
  } else if (type == "f8") {
    scalar.value = read(double());
  } else if (type == "f4") {
    scalar.value = static_cast<double>(read(float()));
  } else if (type == "b1") {
    scalar.value = given.bytes[0] != 0;
  } else if (kind == 'i') {
    scalar.value = type == "i8" ? read(int64_t())
        : type == "i4"          ? int64_t(read(int32_t()))
        : type == "i2"          ? int64_t(read(int16_t()))
                       : int64_t(static_cast<signed char>(given.bytes[0]));
  } else if (kind == 'u' && type != "u8") {
    scalar.value = type == "u4" ? int64_t(read(uint32_t()))
        : type == "u2"          ? int64_t(read(uint16_t()))
                       : int64_t(static_cast<unsigned char>(given.bytes[0]));
  } else {
    scalar.value = PickleBytes{given.bytes};
  }
  return scalar;
}

} // namespace coppice::archive
