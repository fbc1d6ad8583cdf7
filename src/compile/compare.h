#pragma once

#include <torch/script.h>

#include "compile/examples.h"

namespace coppice::compiling {

/// The largest difference of what two models compute, in parts of the largest
/// output of the first: over some calls in order, because a model may have
/// state. Both run, so that both should be copies in the state that they were
/// given.
double largest_difference(
    torch::jit::Module& first,
    torch::jit::Module& second,
    const Example& example);

/// That a model has each method of another, with the same arguments and
/// results.
///
/// Errors: c10::Error if one is missing or differs.
void check_methods(
    const torch::jit::Module& original,
    const torch::jit::Module& result);

} // namespace coppice::compiling
