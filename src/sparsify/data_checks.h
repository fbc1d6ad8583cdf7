#pragma once

#include <torch/types.h>

#include <string>

#include "coppice/core/values.h"
#include "coppice/sparsify/data_group.h"

namespace coppice::sparsify {

/// Errors: c10::ValueError if `name` is not valid: a dot would make the keys of
///   a state ambiguous.
void check_data_name(const char* function, const std::string& name);

/// `mask`, sparse or dense and of any dtype, as a mask of `data`.
///
/// Errors: c10::ValueError, with the prefix `what`, if it is not a tensor of
///   the shape of `data`.
torch::Tensor as_data_mask(
    const char* what,
    const c10::IValue& mask,
    const torch::Tensor& data);

/// The mask of `old` for `data`, which replaces it.
///
/// Errors: c10::ValueError if they differ in shape.
torch::Tensor reused_data_mask(const DataGroup& old, const torch::Tensor& data);

} // namespace coppice::sparsify
