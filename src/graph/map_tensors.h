#pragma once

#include <ATen/core/ivalue.h>

#include <functional>

namespace coppice::graph {

/// `value` with `change` applied to every tensor within it, in new tuples,
/// lists and dictionaries; all else is the same.
c10::IValue map_tensors(
    const c10::IValue& value,
    const std::function<torch::Tensor(const torch::Tensor&)>& change);

/// A deep copy of tensors, tuples, lists and dictionaries, so that writes of a
/// model to one do not change the other.
c10::IValue copy_of(const c10::IValue& value);

/// Whether both have the same structure and equal elements.
bool is_same(const c10::IValue& a, const c10::IValue& b);

} // namespace coppice::graph
