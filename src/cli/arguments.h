#pragma once

#include <torch/script.h>
#include "archive/pickle_value.h"

#include <string>
#include <vector>

namespace coppice::cli {

/// The inputs of `forward` in `value`: a tuple or list of them, a dictionary of
/// them by name, or the input itself if the model has only one. If no key of a
/// dictionary of tensors names an input, tensors are taken in the natural order
/// of their keys. `where`: the file of `value`, for errors.
///
/// Errors: InputError.
std::vector<c10::IValue> arguments_from(
    const PickleValue& value,
    const torch::jit::Module& module,
    const std::string& where);

} // namespace coppice::cli
