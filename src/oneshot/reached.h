#pragma once

#include <vector>

#include "coppice/oneshot/prune_checkpoint.h"
#include "oneshot/plan.h"

namespace coppice::oneshot {

/// The number of blocks of a weight in its layout, partial ones at the edges
/// included.
int64_t blocks_of(
    const StoredTensor& tensor,
    const WeightLayout& layout,
    BlockShape block);

/// Compares the zeros with those that a modifier asks for and writes the result
/// into the report. A level is a fraction of blocks, rounded to whole ones;
/// partial blocks have fewer elements.
void check_reached(
    const PruneModifier& modifier,
    const StateDict& state,
    const std::vector<TensorPlan>& plans,
    PruneReport& report);

} // namespace coppice::oneshot
