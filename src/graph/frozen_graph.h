#pragma once

#include <torch/script.h>

#include <vector>

#include "graph/weight_ops.h"

namespace coppice::graph {

/// Prepares the `forward` of a module that was just frozen for `weight_ops`, as
/// `frozen_module` says. `original`: what it was made of, which has the names
/// of parameters.
void optimize_frozen(
    torch::jit::Module& frozen,
    const torch::jit::Module& original);

/// Does in place what `with_observed_weight_ops` does to a clone.
void observe_weight_ops(
    torch::jit::Module& frozen,
    std::vector<c10::intrusive_ptr<ActivationSite>>& sites);

/// Does in place what `with_replaced_weight_ops` does to a clone.
void replace_weight_ops(
    torch::jit::Module& frozen,
    const std::vector<WeightOpReplacement>& replacements);

} // namespace coppice::graph
