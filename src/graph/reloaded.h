#pragma once

#include <torch/script.h>

namespace coppice::graph {

/// A copy of a module by saving and loading: it shares nothing with the module.
/// Tensors that share memory also do so in the copy, and a submodule, list or
/// object that is registered twice stays one; LibTorch's own copies lose both.
///
/// Errors: c10::ValueError if the module cannot be saved.
torch::jit::Module reloaded(const torch::jit::Module& module);

} // namespace coppice::graph
