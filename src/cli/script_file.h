#pragma once

#include <torch/script.h>

#include <string>

namespace coppice::cli {

/// Loads a TorchScript file.
///
/// Errors: InputError if the file is of another kind, is broken, or holds what
///   the LibTorch at hand does not know.
torch::jit::Module load_script(const std::string& path);

/// Writes a TorchScript file, by way of `OutputFile`.
///
/// Errors: OutputError; c10::Error if the module cannot be saved.
void save_script(const torch::jit::Module& module, const std::string& path);

} // namespace coppice::cli
