#pragma once

#include <torch/script.h>

#include <string>

namespace coppice::cli {

/// Files in a TorchScript archive beside the model, by name.
using ExtraFiles = torch::jit::ExtraFilesMap;

/// Loads a TorchScript file or a .pt2 of torch.export, and its extra files if
/// `extra` is given.
///
/// Errors: InputError if the file is of another kind, broken, or not supported
///   by this LibTorch.
torch::jit::Module load_script(
    const std::string& path,
    ExtraFiles* extra = nullptr);

/// The same, but large tensors stay in the file if possible (see
/// `graph::mapped_script`); it must not change meanwhile.
torch::jit::Module load_mapped_script(const std::string& path);

/// Writes a TorchScript file through `OutputFile`.
///
/// Errors: OutputError; c10::Error if the module cannot be saved.
void save_script(
    const torch::jit::Module& module,
    const std::string& path,
    const ExtraFiles& extra = {});

} // namespace coppice::cli
