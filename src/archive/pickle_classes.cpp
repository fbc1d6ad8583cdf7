#include "archive/pickle_classes.h"

#include <algorithm>
#include <array>
#include <unordered_map>

namespace coppice::archive {
namespace {

struct DtypeNames {
  Dtype dtype;
  std::string_view torch;
  std::string_view storage;
};

constexpr std::array kDtypes = {
    DtypeNames{Dtype::F32, "float32", "FloatStorage"},
    DtypeNames{Dtype::F64, "float64", "DoubleStorage"},
    DtypeNames{Dtype::F16, "float16", "HalfStorage"},
    DtypeNames{Dtype::BF16, "bfloat16", "BFloat16Storage"},
    DtypeNames{Dtype::I64, "int64", "LongStorage"},
    DtypeNames{Dtype::I32, "int32", "IntStorage"},
    DtypeNames{Dtype::I16, "int16", "ShortStorage"},
    DtypeNames{Dtype::I8, "int8", "CharStorage"},
    DtypeNames{Dtype::U8, "uint8", "ByteStorage"},
    DtypeNames{Dtype::BOOL, "bool", "BoolStorage"},
    DtypeNames{Dtype::C64, "complex64", "ComplexFloatStorage"},
    DtypeNames{Dtype::C128, "complex128", "ComplexDoubleStorage"},
    DtypeNames{Dtype::QINT8, "qint8", "QInt8Storage"},
    DtypeNames{Dtype::QUINT8, "quint8", "QUInt8Storage"},
    DtypeNames{Dtype::QINT32, "qint32", "QInt32Storage"},
    DtypeNames{Dtype::U16, "uint16", ""},
    DtypeNames{Dtype::U32, "uint32", ""},
    DtypeNames{Dtype::U64, "uint64", ""},
    DtypeNames{Dtype::F8_E4M3, "float8_e4m3fn", ""},
    DtypeNames{Dtype::F8_E5M2, "float8_e5m2", ""},
    DtypeNames{Dtype::F8_E4M3FNUZ, "float8_e4m3fnuz", ""},
    DtypeNames{Dtype::F8_E5M2FNUZ, "float8_e5m2fnuz", ""},
    DtypeNames{Dtype::F8_E8M0, "float8_e8m0fnu", ""},
};

using Table = std::unordered_map<std::string_view, Constructor>;

const Table& constructors() {
  static const Table table = {
      {"collections.OrderedDict", Constructor::OrderedDict},
      {"collections.defaultdict", Constructor::DefaultDict},
      {"builtins.set", Constructor::Set},
      {"builtins.frozenset", Constructor::FrozenSet},
      {"builtins.complex", Constructor::Complex},
      {"builtins.bytearray", Constructor::ByteArray},
      {"_codecs.encode", Constructor::EncodeText},
      {"builtins.bytes", Constructor::EncodeText}, // If empty.
      {"torch.Size", Constructor::Size},
      {"torch.device", Constructor::Device},
      {"torch.serialization._get_layout", Constructor::Layout},
      {"torch._utils._rebuild_tensor", Constructor::Tensor},
      {"torch._utils._rebuild_tensor_v2", Constructor::Tensor},
      {"torch._utils._rebuild_tensor_v3", Constructor::TensorV3},
      {"torch._utils._rebuild_qtensor", Constructor::QuantizedTensor},
      {"torch._utils._rebuild_sparse_tensor", Constructor::SparseTensor},
      {"torch._utils._rebuild_parameter", Constructor::Parameter},
      {"torch._utils._rebuild_parameter_with_state", Constructor::Parameter},
      {"torch._tensor._rebuild_from_type_v2", Constructor::FromType},
      {"numpy.core.multiarray.scalar", Constructor::NumpyScalar},
      {"numpy.dtype", Constructor::NumpyDtype},
  };
  return table;
}

constexpr std::array<std::string_view, 22> kInertNames = {
    // Factories of a defaultdict.
    "builtins.dict",
    "builtins.list",
    "builtins.tuple",
    "builtins.int",
    "builtins.float",
    "builtins.bool",
    "builtins.str",
    // Arguments of tensors.
    "torch.Tensor",
    "torch._tensor.Tensor",
    "torch.nn.parameter.Parameter",
    "torch.nn.parameter.Buffer",
    "torch.strided",
    "torch.sparse_coo",
    "torch.contiguous_format",
    "torch.preserve_format",
    "torch.channels_last",
    "torch.per_tensor_affine",
    "torch.per_channel_affine",
    "torch.per_channel_affine_float_qparams",
    "torch.per_tensor_symmetric",
    // In the configuration of PyTorch's data sparsifiers.
    "torch.ao.sparsity.sparsifier.utils.FakeSparsity",
    "torch.ao.pruning.sparsifier.utils.FakeSparsity",
};

bool is_torch_script_class(const PickleClass& type) {
  return type.module == "__torch__" || type.module.rfind("__torch__.", 0) == 0;
}

std::optional<Constructor> torch_script_constructor(const PickleClass& type) {
  if (is_torch_script_class(type)) {
    return Constructor::None;
  }
  if (type.module != "torch.jit._pickle") {
    return std::nullopt;
  }
  if (type.name == "restore_type_tag") {
    return Constructor::TaggedValue;
  }
  constexpr std::array<std::string_view, 4> kLists = {
      "build_intlist",
      "build_tensorlist",
      "build_doublelist",
      "build_boollist"};
  if (std::find(kLists.begin(), kLists.end(), type.name) != kLists.end()) {
    return Constructor::TypedList;
  }
  return std::nullopt;
}

} // namespace

std::optional<Constructor> constructor_of(
    const PickleClass& type,
    bool torch_script) {
  const std::string name = type.module + "." + type.name;
  const auto found = constructors().find(name);
  if (found != constructors().end()) {
    return found->second;
  }
  if (std::find(kInertNames.begin(), kInertNames.end(), name) !=
          kInertNames.end() ||
      dtype_of_storage(type)) {
    return Constructor::None;
  }
  return torch_script ? torch_script_constructor(type) : std::nullopt;
}

PickleClass current_name(std::string_view module, std::string_view name) {
  if (module == "__builtin__") {
    module = "builtins";
  } else if (module == "numpy._core.multiarray") {
    module = "numpy.core.multiarray";
  } else if (module == "copy_reg") {
    module = "copyreg";
  }
  return {std::string(module), std::string(name)};
}

std::optional<Dtype> dtype_of_storage(const PickleClass& type) {
  if (type.module == "torch.storage") {
    const bool untyped = type.name == "UntypedStorage" ||
        type.name == "_UntypedStorage" || type.name == "TypedStorage";
    return untyped ? std::optional(Dtype::U8) : std::nullopt;
  }
  if (type.module != "torch" && type.module != "torch.cuda") {
    return std::nullopt;
  }
  for (const auto& row : kDtypes) {
    if (!row.storage.empty() && row.storage == type.name) {
      return row.dtype;
    }
  }
  return std::nullopt;
}

std::optional<Dtype> dtype_of_torch_name(std::string_view name) {
  for (const auto& row : kDtypes) {
    if (row.torch == name) {
      return row.dtype;
    }
  }
  return std::nullopt;
}

std::string_view torch_name_of_dtype(Dtype dtype) {
  for (const auto& row : kDtypes) {
    if (row.dtype == dtype) {
      return row.torch;
    }
  }
  return "";
}

std::string_view storage_name_of_dtype(Dtype dtype) {
  for (const auto& row : kDtypes) {
    if (row.dtype == dtype) {
      return row.storage;
    }
  }
  return "";
}

} // namespace coppice::archive
