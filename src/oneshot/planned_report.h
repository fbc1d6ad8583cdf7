#pragma once

#include "coppice/oneshot/prune_checkpoint.h"
#include "oneshot/plan.h"

namespace coppice::oneshot {

/// A report without zeros: one row per tensor.
PruneReport planned_report(const CheckpointPlan& plan);

} // namespace coppice::oneshot
