#pragma once

#include <vector>

#include "coppice/solve/patches.h"
#include "graph/weighted_call.h"

/// Second moments of what enters an op by its weight.
namespace coppice::calibration {

/// How a convolution reads its input.
PatchOptions patch_options(const graph::WeightedCall& call);

/// Empty ones for the inputs of such a call: a group of a convolution each.
std::vector<SecondMoments> moments_for(
    const graph::WeightedCall& call,
    SecondMoments::Kind kind);

/// Adds what enters the op.
void add_inputs(
    std::vector<SecondMoments>& moments,
    const graph::WeightedCall& call);

} // namespace coppice::calibration
