#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "archive/pickle_value.h"

/// The closed list of what a checkpoint's pickle may name. Naming anything else
/// ends the reading; nothing on the list is ever called: each has a function
/// here that makes plain data.
namespace coppice::archive {

enum class Constructor {
  None, ///< A name that only stands there.
  OrderedDict,
  DefaultDict,
  Set,
  FrozenSet,
  Complex,
  ByteArray,
  EncodeText, ///< `_codecs.encode`: how protocol 2 spells bytes.
  Size,
  Device,
  Layout,
  Tensor,   ///< `_rebuild_tensor` and its second version.
  TensorV3, ///< With a dtype of its own, over bytes.
  QuantizedTensor,
  SparseTensor,
  Parameter,
  FromType, ///< A tensor with Python attributes.
  NumpyScalar,
  NumpyDtype,
  TypedList,   ///< TorchScript's `build_intlist` and so on.
  TaggedValue, ///< TorchScript's `restore_type_tag`.
};

/// What a class makes; nullopt if it is not on the list.
std::optional<Constructor> constructor_of(
    const PickleClass& type,
    bool torch_script);

/// "builtins" for "__builtin__", its name in Python 2, and so on.
PickleClass modern_name(std::string_view module, std::string_view name);

/// The dtype of `torch.FloatStorage` and so on; bytes for UntypedStorage.
std::optional<Dtype> dtype_of_storage(const PickleClass& type);

/// The dtype of `torch.float32` and so on; nullopt also for those that
/// `Dtype` lacks.
std::optional<Dtype> dtype_of_torch_name(std::string_view name);

/// "float32" for F32; empty for those that torch lacks.
std::string_view torch_name_of_dtype(Dtype dtype);

/// "FloatStorage" for F32; empty for those that have none.
std::string_view storage_name_of_dtype(Dtype dtype);

} // namespace coppice::archive
