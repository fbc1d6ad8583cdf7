#pragma once

#include <vector>

#include "compile/races.h"
#include "coppice/compile/compile.h"

namespace coppice::compiling {

/// What entered an op at one batch.
struct LayerInput {
  int64_t batch = 0;   ///< Of the model.
  torch::Tensor input; ///< Undefined if the op did not run.
};

/// A layer's row of the table, but for its bytes, and what to install for it.
struct LayerChoice {
  CompiledLayer layer;
  c10::intrusive_ptr<PackedWeight> weight; ///< Null: LibTorch's own stays.
};

/// Measures an op on its inputs and takes the candidate that needs the least
/// share of LibTorch's time over all of them, among those that are faster than
/// it in each. `others`: bytes of the model's other weights.
LayerChoice choose_for(
    const WeightOp& op,
    std::vector<LayerInput> inputs,
    int64_t others,
    const CompileOptions& options,
    const Races& races);

} // namespace coppice::compiling
