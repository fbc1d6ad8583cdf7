#pragma once

#include <torch/script.h>

namespace coppice::graph {

/// A copy of a module as a file would give it back: it shares nothing with the
/// module. Tensors that share memory do so in the copy, and a submodule, list
/// or object that is registered twice stays one; LibTorch's own copies lose
/// both.
///
/// Errors: c10::ValueError if the module cannot be saved.
torch::jit::Module reloaded(const torch::jit::Module& module);

} // namespace coppice::graph
