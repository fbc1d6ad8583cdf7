#pragma once

#include <torch/script.h>

#include "compile/examples.h"

namespace coppice::compiling {

/// The largest difference between the outputs of two models, relative to the
/// largest output of the first, over several calls in order, since models can
/// have state. Both models run: pass copies in their original state.
double largest_difference(
    torch::jit::Module& first,
    torch::jit::Module& second,
    const Example& example);

/// Checks that `result` has each method of `original` with the same signature.
///
/// Errors: c10::Error if one is missing or differs.
void check_methods(
    const torch::jit::Module& original,
    const torch::jit::Module& result);

} // namespace coppice::compiling
