#pragma once

#include <vector>

#include "compile/races.h"
#include "coppice/compile/compile.h"

namespace coppice::compiling {

/// The input of an op for one batch.
struct LayerInput {
  int64_t batch = 0;   ///< The model's batch.
  torch::Tensor input; ///< Undefined if the op did not run.
};

/// A layer's row of the table without its bytes, and what to install.
struct LayerChoice {
  CompiledLayer layer;
  c10::intrusive_ptr<PackedWeight> weight; ///< Null: keep LibTorch's product.
};

/// Measures an op on its inputs. Of the candidates faster than LibTorch on
/// every input, chooses the one with the lowest total time relative to
/// LibTorch. `others`: bytes of the model's other weights.
LayerChoice choose_for(
    const WeightOp& op,
    std::vector<LayerInput> inputs,
    int64_t others,
    const CompileOptions& options,
    const Races& races);

} // namespace coppice::compiling
