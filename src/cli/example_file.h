#pragma once

#include <torch/script.h>

#include <string>
#include <vector>

namespace coppice::cli {

/// The inputs of a model in a file, as for `arguments_from`: a safetensors
/// file, or one of torch.save with any structure of tensors, numbers, strings
/// and None. No code in the file is run. Tensors stay in the mapped file, which
/// may be larger than memory; copy them for a model that writes to its inputs.
///
/// Errors: InputError, FileError.
std::vector<c10::IValue> inputs_in_file(
    const std::string& path,
    const torch::jit::Module& module);

} // namespace coppice::cli
