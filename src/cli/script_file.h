#pragma once

#include <torch/script.h>

#include <string>

namespace coppice::cli {

/// Files that a TorchScript archive holds beside the model, by name.
using ExtraFiles = torch::jit::ExtraFilesMap;

/// Loads a TorchScript file, and what else it holds if `extra` is given.
///
/// Errors: InputError if the file is of another kind, is broken, or holds what
///   the LibTorch at hand does not know.
torch::jit::Module load_script(
    const std::string& path,
    ExtraFiles* extra = nullptr);

/// Writes a TorchScript file, by way of `OutputFile`.
///
/// Errors: OutputError; c10::Error if the module cannot be saved.
void save_script(
    const torch::jit::Module& module,
    const std::string& path,
    const ExtraFiles& extra = {});

} // namespace coppice::cli
