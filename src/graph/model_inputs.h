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

/// Checks inputs of `forward` before it runs.
///
/// Errors: c10::ValueError if they are too few, too many, or one has another
///   type than the model takes.
void check_inputs(
    const torch::jit::Module& module,
    const std::vector<c10::IValue>& inputs);

/// Whether `forward` computes gradients, as models of forces do, so that it
/// only runs in grad mode.
bool takes_gradients(const torch::jit::Module& module);

} // namespace coppice::graph
