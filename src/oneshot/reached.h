#pragma once

#include <vector>

#include "coppice/oneshot/prune_checkpoint.h"
#include "oneshot/plan.h"

namespace coppice::oneshot {

/// The blocks of a weight as its layout reads it, those that its edge cuts off
/// included.
int64_t blocks_of(
    const StoredTensor& tensor,
    const WeightLayout& layout,
    BlockShape block);

/// Compares the zeros with those that a modifier requests and writes the result
/// into the report. A level is a fraction of blocks, rounded to whole ones, and
/// blocks at the edge have fewer elements to lose.
void check_reached(
    const PruneModifier& modifier,
    const StateDict& state,
    const std::vector<TensorPlan>& plans,
    PruneReport& report);

} // namespace coppice::oneshot
