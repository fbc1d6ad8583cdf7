#pragma once

#include <torch/types.h>

#include <optional>
#include <string>

#include "coppice/archive/stored_tensor.h"
#include "coppice/export.h"

namespace coppice {

/// LibTorch's type of a dtype; nullopt if this version of LibTorch lacks it.
COPPICE_API std::optional<torch::ScalarType> scalar_type_of(Dtype dtype);

/// The dtype of a tensor; nullopt for types without a file format.
COPPICE_API std::optional<Dtype> dtype_of(torch::ScalarType type);

/// `stored` as a tensor on the CPU that shares and owns its memory. The memory
/// is most often a read-only mapped file: clone the tensor before writing to
/// it.
///
/// Errors: c10::TypeError if LibTorch has no such dtype.
COPPICE_API torch::Tensor as_tensor(const StoredTensor& stored);

/// `tensor` with a name, on the CPU and contiguous (a copy if it is not);
/// shares its memory.
///
/// Errors: c10::TypeError if its dtype has no file format, c10::ValueError if
///   it is not dense.
COPPICE_API StoredTensor
as_stored(std::string name, const torch::Tensor& tensor);

} // namespace coppice
