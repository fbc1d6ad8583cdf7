#pragma once

#include "coppice/oneshot/prune_checkpoint.h"
#include "oneshot/plan.h"

namespace coppice::oneshot {

/// What a report says before anything is known of zeros: a row a tensor.
PruneReport planned_report(const CheckpointPlan& plan);

} // namespace coppice::oneshot
