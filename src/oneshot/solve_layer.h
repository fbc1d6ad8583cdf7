#pragma once

#include <torch/types.h>

#include <string>
#include <vector>

#include "coppice/oneshot/recipe.h"
#include "coppice/solve/patches.h"

namespace coppice::oneshot {

/// Whether a method needs whole second moments, not only their diagonal.
bool needs_all_moments(PruneMethod method);

/// "ALPS"
std::string method_name(PruneMethod method);

/// The selection that a rule asks of the solvers.
///
/// Errors: c10::ValueError, one sentence, for a pattern or an option that the
///   method does not have.
Selection selection_of(const PruneModifier& modifier);

/// Prunes a weight [out, in, ...] by the method of `modifier`.
///
/// `moments`: one for each group of a convolution. `cross`: as of
/// `PairedMoments`, or empty. The reported error is against the solver's
/// target.
Solved solve_layer(
    const torch::Tensor& weight,
    const std::vector<SecondMoments>& moments,
    const std::vector<torch::Tensor>& cross,
    const PruneModifier& modifier);

} // namespace coppice::oneshot
