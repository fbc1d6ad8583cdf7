#pragma once

#include <torch/types.h>

#include <string>
#include <vector>

namespace coppice::cli {

/// Inputs for a model from what `--input` says of them: "1x3x32x32",
/// "128:int64", "=16000" for a number. Floats are random normal, integers
/// random below `kLargestIndex`, both the same at every call.
///
/// Errors: InputError if a text is no shape or dtype.
std::vector<c10::IValue> inputs_from(const std::vector<std::string>& texts);

/// What integers of made-up inputs stay below, so that they are indices into
/// most tables.
constexpr int64_t kLargestIndex = 16;

/// What `--input` takes, for help texts.
extern const char* const kInputHelp;

} // namespace coppice::cli
