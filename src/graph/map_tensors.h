#pragma once

#include <ATen/core/ivalue.h>

#include <functional>

namespace coppice::graph {

/// `value` with `change` of every tensor within it, also in tuples, lists and
/// the values of dictionaries, which are new; all else is as it was.
c10::IValue map_tensors(
    const c10::IValue& value,
    const std::function<torch::Tensor(const torch::Tensor&)>& change);

/// `value` with tensors, tuples, lists and dictionaries of its own, so that
/// what a model writes to the one does not show in the other.
c10::IValue copy_of(const c10::IValue& value);

/// Whether both have the same structure and equal elements.
bool is_same(const c10::IValue& a, const c10::IValue& b);

} // namespace coppice::graph
