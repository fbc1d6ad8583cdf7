#pragma once

#include "compile/examples.h"
#include "coppice/compile/compile.h"

namespace coppice::compiling {

/// Two models at each of some batches.
struct ModelRace {
  std::vector<ModelTiming> timings;
  bool is_slower = false; ///< The second, beyond noise, at one of them.
};

/// Times two models on the same inputs, in turn, for at most so many seconds
/// each, and compares their outputs. What runs are copies in evaluation, as a
/// file would give them back, that start from the state of the models.
ModelRace race_models(
    const torch::jit::Module& first,
    const torch::jit::Module& second,
    const std::vector<Example>& examples,
    double seconds);

} // namespace coppice::compiling
