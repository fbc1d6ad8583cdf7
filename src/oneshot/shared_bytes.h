#pragma once

#include <vector>

#include "coppice/io/checkpoint.h"
#include "oneshot/plan.h"

namespace coppice::oneshot {

/// Makes the plans of tensors that overlap in memory agree, gaps between their
/// elements included. Of several names of one tensor the first is pruned. A
/// tensor that overlaps one which is not pruned is not pruned either, unless it
/// was named; the other's note then says that it changes.
///
/// Errors: c10::ValueError if two pruned tensors overlap without being the
///   same.
void reconcile_shared_bytes(
    const Checkpoint& input,
    std::vector<TensorPlan>& plans);

} // namespace coppice::oneshot
