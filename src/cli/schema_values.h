#pragma once

#include <torch/script.h>
#include "archive/pickle_value.h"

#include <string>

namespace coppice::cli {

/// `value` as an argument of type `type`: a tensor, number, string or None, or
/// a dictionary, list or tuple of such. A tensor without dimensions is accepted
/// as a number. Tensors share the memory of `value`, often a read-only mapped
/// file. `where` names the value: "x.pt: `mask`".
///
/// Errors: InputError if it cannot be one.
c10::IValue value_of(
    const PickleValue& value,
    const c10::TypePtr& type,
    const std::string& where);

} // namespace coppice::cli
