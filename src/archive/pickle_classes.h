#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "archive/pickle_value.h"

/// The allowlist of classes and functions that a pickle may name. Any other
/// name is an error. Nothing on the list is ever called: each entry has a
/// function here that makes plain data.
namespace coppice::archive {

enum class Constructor {
  None, ///< A name that constructs nothing.
  OrderedDict,
  DefaultDict,
  Set,
  FrozenSet,
  Complex,
  ByteArray,
  EncodeText, ///< `_codecs.encode`: protocol 2's form of bytes.
  Size,
  Device,
  Layout,
  Tensor,   ///< `_rebuild_tensor` and its second version.
  TensorV3, ///< `_rebuild_tensor_v3`: untyped storage and a dtype.
  QuantizedTensor,
  SparseTensor,
  Parameter,
  FromType, ///< A tensor with Python attributes.
  NumpyScalar,
  NumpyDtype,
  TypedList,   ///< TorchScript's `build_intlist` and so on.
  TaggedValue, ///< TorchScript's `restore_type_tag`.
};

/// How a class is constructed; nullopt if it is not on the list.
std::optional<Constructor> constructor_of(
    const PickleClass& type,
    bool torch_script);

/// Replaces outdated modules: "__builtin__" of Python 2 by "builtins", and so
/// on.
PickleClass current_name(std::string_view module, std::string_view name);

/// F32 for `torch.FloatStorage`, and so on; U8 for UntypedStorage.
std::optional<Dtype> dtype_of_storage(const PickleClass& type);

/// F32 for "float32", and so on; nullopt also for those that `Dtype` lacks.
std::optional<Dtype> dtype_of_torch_name(std::string_view name);

/// "float32" for F32; empty for those that torch lacks.
std::string_view torch_name_of_dtype(Dtype dtype);

/// "FloatStorage" for F32; empty for those that have none.
std::string_view storage_name_of_dtype(Dtype dtype);

} // namespace coppice::archive
