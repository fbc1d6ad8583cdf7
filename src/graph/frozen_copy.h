#pragma once

#include <torch/script.h>

#include <vector>

#include "graph/weight_ops.h"

namespace coppice::graph {

/// A model and what freezing makes of it. They share tensors and never ran.
struct FrozenCopy {
  /// A copy of the model in evaluation, that shares nothing with it.
  torch::jit::Module original;
  /// The copy frozen, as `frozen_module` says; of its methods only `forward`.
  torch::jit::Module frozen;
};

/// Errors: as `frozen_module`.
FrozenCopy frozen_copy(const torch::jit::Module& module);

/// The model with the `forward` of its frozen copy, in which ops are replaced.
/// All other methods, hooks and attributes stay, and run what they ran before,
/// as do submodules that they use; what was a weight of the old `forward` alone
/// goes. It has state as the model was given it, shared with `copy.original`.
///
/// Errors: c10::ValueError if a method that stays cannot be copied.
torch::jit::Module with_frozen_forward(
    const FrozenCopy& copy,
    const std::vector<WeightOpReplacement>& replacements);

} // namespace coppice::graph
