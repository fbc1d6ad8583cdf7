#pragma once

#include <torch/types.h>

#include "archive/pickle_value.h"
#include "coppice/core/values.h"

/// Conversion between LibTorch's values and a pickle's.
namespace coppice::sparsify {

/// Errors: c10::TypeError for a type that a pickle cannot hold.
PickleValue pickled(const c10::IValue& value);
PickleValue pickled(const torch::Tensor& tensor);
/// A dictionary.
PickleValue pickled(const Values& values);

/// Coordinates and values of the elements that are not zero, or of a sparse
/// tensor.
PickleValue pickled_sparse(const torch::Tensor& tensor);

/// A dense copy. Undefined if `value` is not a tensor.
torch::Tensor tensor_of(const PickleValue& value);

/// The entries of a dictionary that LibTorch can hold, without names of classes
/// and functions.
///
/// Errors: c10::ValueError if `value` is not a dictionary with names as keys.
Values values_of(const PickleValue& value);

} // namespace coppice::sparsify
