#pragma once

#include "oneshot/prune_with_samples.h"
#include "oneshot/sampled_targets.h"

namespace coppice::oneshot {

/// Writes the result of each tensor into a report.
void add_tensors(const SampledTargets& targets, SampledReport& report);

} // namespace coppice::oneshot
