#pragma once

#include <torch/types.h>

#include "archive/pickle_value.h"
#include "coppice/core/values.h"

/// Values of LibTorch as those of a pickle, and back.
namespace coppice::sparsify {

/// Errors: c10::TypeError for what has no form in a pickle.
PickleValue pickled(const c10::IValue& value);
PickleValue pickled(const torch::Tensor& tensor);
/// A dictionary.
PickleValue pickled(const Values& values);

/// Coordinates and values of what is not zero, or of a sparse tensor.
PickleValue pickled_sparse(const torch::Tensor& tensor);

/// A tensor of its own, dense. Undefined if `value` is none.
torch::Tensor tensor_of(const PickleValue& value);

/// The entries of a dictionary that have a form in LibTorch; names of classes
/// and functions have none and are left out.
///
/// Errors: c10::ValueError if `value` is no dictionary with names as keys.
Values values_of(const PickleValue& value);

} // namespace coppice::sparsify
