#pragma once

#include <torch/script.h>

#include <string>
#include <vector>

namespace coppice::cli {

/// Inputs of a model from the texts of `--input`: "1x3x32x32", "128:int64",
/// "2x6:int64[0,5]" for a tensor of made-up numbers, "=16000", "=true",
/// "=none", "=[1,2]", "=\"text\"" for a value. Floats are random normal, or
/// uniform in a range; integers are uniform in their range, both bounds
/// included, or in [0, `kLargestIndex`). Deterministic.
///
/// Errors: InputError if a text is malformed or does not fit the model.
std::vector<c10::IValue> inputs_from(
    const std::vector<std::string>& texts,
    const torch::jit::Module& module);

/// Whether a text describes an integer tensor.
bool is_of_integers(const std::string& text);

/// Upper bound of made-up integers, so that they are valid indices into most
/// tables.
constexpr int64_t kLargestIndex = 16;

} // namespace coppice::cli
