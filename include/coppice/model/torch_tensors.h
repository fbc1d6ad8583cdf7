#pragma once

#include <torch/types.h>

#include <optional>
#include <string>

#include "coppice/archive/stored_tensor.h"
#include "coppice/export.h"

namespace coppice {

/// LibTorch's type of a dtype; nullopt for those that the LibTorch at hand does
/// not have.
COPPICE_API std::optional<torch::ScalarType> scalar_type_of(Dtype dtype);

/// The dtype of a tensor; nullopt for types that no file holds.
COPPICE_API std::optional<Dtype> dtype_of(torch::ScalarType type);

/// `stored` as a tensor on the CPU that shares its memory and keeps it alive.
/// The memory is most often a mapped file, which can only be read: clone the
/// tensor before writing to it.
///
/// Errors: c10::TypeError if LibTorch has no such dtype.
COPPICE_API torch::Tensor as_tensor(const StoredTensor& stored);

/// `tensor`, on the CPU and contiguous (a copy if it is not), under a name;
/// shares its memory.
///
/// Errors: c10::TypeError if no file holds its dtype, c10::ValueError if it is
///   not dense.
COPPICE_API StoredTensor
as_stored(std::string name, const torch::Tensor& tensor);

} // namespace coppice
