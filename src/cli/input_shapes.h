#pragma once

#include <torch/script.h>

#include <string>
#include <vector>

namespace coppice::cli {

/// Inputs of a model from what `--input` says of them: "1x3x32x32",
/// "128:int64", "2x6:int64[0,5]" for a tensor of made-up numbers, "=16000",
/// "=true", "=none", "=[1,2]", "=\"text\"" for a value. Floats are random
/// normal, or uniform in a range; integers are random in their range, both ends
/// included, or below `kLargestIndex`; all the same at every call.
///
/// Errors: InputError if a text says nothing of the kind, or what the model
///   does not take.
std::vector<c10::IValue> inputs_from(
    const std::vector<std::string>& texts,
    const torch::jit::Module& module);

/// Whether a text asks for a tensor of integers.
bool is_of_integers(const std::string& text);

/// What integers of made-up inputs stay below, so that they are indices into
/// most tables.
constexpr int64_t kLargestIndex = 16;

} // namespace coppice::cli
