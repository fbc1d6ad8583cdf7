#pragma once

#include <torch/script.h>

#include <string>
#include <vector>

namespace coppice::graph {

/// The inputs of `forward`, without the module itself.
///
/// Errors: c10::ValueError if the module has no `forward`.
std::vector<c10::Argument> arguments_of(const torch::jit::Module& module);

/// Errors: c10::ValueError if `count` inputs are too few, with the names of
///   those that are missing, or too many.
void check_count(const torch::jit::Module& module, size_t count);

/// Whether `forward` takes these, told before it runs.
///
/// Errors: c10::ValueError if they are too few, too many, or one is of another
///   type than the model takes.
void check_inputs(
    const torch::jit::Module& module,
    const std::vector<c10::IValue>& inputs);

/// Whether `forward` asks autograd for gradients, as models that compute forces
/// do, so that it runs only where they are recorded.
bool takes_gradients(const torch::jit::Module& module);

} // namespace coppice::graph
