#pragma once

#include <torch/script.h>

#include <vector>

#include "graph/weight_ops.h"

namespace coppice::graph {

/// Prepares the `forward` of a newly frozen module for `weight_ops`, as
/// `frozen_module` says. `original`: the unfrozen module, which has the
/// parameters' names.
void optimize_frozen(
    torch::jit::Module& frozen,
    const torch::jit::Module& original);

/// `with_observed_weight_ops` in place.
void observe_weight_ops(
    torch::jit::Module& frozen,
    std::vector<c10::intrusive_ptr<ActivationSite>>& sites);

/// `with_replaced_weight_ops` in place.
void replace_weight_ops(
    torch::jit::Module& frozen,
    const std::vector<WeightOpReplacement>& replacements);

} // namespace coppice::graph
