#pragma once

#include <torch/script.h>

#include <vector>

#include "graph/weight_ops.h"

namespace coppice::graph {

/// A model and its frozen form. They share tensors and never ran.
struct FrozenCopy {
  /// A copy of the model in evaluation mode that shares nothing with it.
  torch::jit::Module original;
  /// The frozen copy, as of `frozen_module`; its only method is `forward`.
  torch::jit::Module frozen;
};

/// Errors: as `frozen_module`.
FrozenCopy frozen_copy(const torch::jit::Module& module);

/// The model with the `forward` of its frozen copy, whose ops may be replaced.
/// All other methods, hooks and attributes stay the same, with the submodules
/// that they use; weights that only the old `forward` used are dropped. Has the
/// state of the given model, shared with `copy.original`.
///
/// Errors: c10::ValueError if a remaining method cannot be copied.
torch::jit::Module with_frozen_forward(
    const FrozenCopy& copy,
    const std::vector<WeightOpReplacement>& replacements);

} // namespace coppice::graph
