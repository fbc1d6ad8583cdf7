#pragma once

#include <vector>

#include "coppice/io/checkpoint.h"
#include "oneshot/plan.h"

namespace coppice::oneshot {

/// Settles plans of tensors that lie over each other, gaps between their
/// elements included. Of several names of one tensor the first prunes for all;
/// what lies over a tensor that is left is left, too, unless it was named: the
/// other's note says then that it changes.
///
/// Errors: c10::ValueError if two pruned tensors overlap without being the
///   same.
void settle_shared_bytes(
    const Checkpoint& input,
    std::vector<TensorPlan>& plans);

} // namespace coppice::oneshot
