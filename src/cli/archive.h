#pragma once

#include <torch/csrc/jit/api/module.h>

#include <string>

namespace coppice::cli {

/// Loads a TorchScript archive onto the CPU: what `torch.jit.save`,
/// `torch::jit::Module::save` and `torch::save` of a module write.
///
/// Errors: InputError, which says what the file is instead, if it is no such
///   archive, or a damaged one.
torch::jit::Module load_archive(const std::string& path);

} // namespace coppice::cli
