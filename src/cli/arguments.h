#pragma once

#include <torch/script.h>
#include "archive/pickle_value.h"

#include <string>
#include <vector>

namespace coppice::cli {

/// The inputs of `forward` that `value` says: a tuple or list of them, a
/// dictionary of them by name, or, where the model takes a single one, that
/// itself. In a dictionary of tensors none of which has the name of an input
/// they stand in the order of their names, numbers in them as numbers. `where`
/// is the file that `value` comes from.
///
/// Errors: InputError.
std::vector<c10::IValue> arguments_from(
    const PickleValue& value,
    const torch::jit::Module& module,
    const std::string& where);

/// Whether `a` comes before `b`, numbers in them as numbers: x2 before x10.
bool natural_less(const std::string& a, const std::string& b);

} // namespace coppice::cli
