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

/// Compares what is zero with what a modifier asked, and writes that into the
/// report. A level is a fraction of blocks: it is rounded to whole ones, and
/// blocks that the shape cuts off have fewer elements to lose.
void check_reached(
    const PruneModifier& modifier,
    const StateDict& state,
    const std::vector<TensorPlan>& plans,
    PruneReport& report);

} // namespace coppice::oneshot
