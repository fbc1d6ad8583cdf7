#pragma once

#include "compile/examples.h"
#include "coppice/compile/compile.h"

namespace coppice::compiling {

/// The times of two models for some batches.
struct ModelRace {
  std::vector<ModelTiming> timings;
  bool is_slower = false; ///< The second, significantly, at a batch.
};

/// Times two models on the same inputs, alternately, for at most `seconds`
/// each, and compares their outputs. Runs copies in evaluation mode, as loaded
/// from a file, in the original state.
ModelRace race_models(
    const torch::jit::Module& first,
    const torch::jit::Module& second,
    const std::vector<Example>& examples,
    double seconds);

} // namespace coppice::compiling
