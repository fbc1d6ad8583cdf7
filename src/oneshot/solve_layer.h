#pragma once

#include <torch/types.h>

#include <string>
#include <vector>

#include "coppice/oneshot/recipe.h"
#include "coppice/solve/patches.h"

namespace coppice::oneshot {

/// Whether a method needs the whole second moments, not their diagonal alone.
bool needs_all_moments(PruneMethod method);

/// "ALPS"
std::string method_name(PruneMethod method);

/// What a rule selects, as the solvers take it.
///
/// Errors: c10::ValueError, one sentence, for a pattern or an option that the
///   method does not have.
Selection selection_of(const PruneModifier& modifier);

/// Prunes a weight [out, in, ...] by the method of `modifier`.
///
/// `moments`: a group of a convolution each. `cross`: as of `PairedMoments`, or
/// none. The error that is reported is that of what the solver was given.
Solved solve_layer(
    const torch::Tensor& weight,
    const std::vector<SecondMoments>& moments,
    const std::vector<torch::Tensor>& cross,
    const PruneModifier& modifier);

} // namespace coppice::oneshot
