#pragma once

#include <torch/script.h>

#include <string>
#include <vector>

namespace coppice::cli {

/// The inputs of a model that a file gives, as `arguments_from` has them: a
/// safetensors file, or one of torch.save with any structure of tensors,
/// numbers, strings and none. Nothing in the file can run.
///
/// Errors: InputError, FileError.
std::vector<c10::IValue> inputs_in_file(
    const std::string& path,
    const torch::jit::Module& module);

} // namespace coppice::cli
