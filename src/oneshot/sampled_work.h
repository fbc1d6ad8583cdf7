#pragma once

#include "oneshot/prune_with_samples.h"
#include "oneshot/surveyed_model.h"

namespace coppice::oneshot {

/// The work that pruning needs.
SampledWork
work_of(const SurveyedModel& model, int64_t memory_bytes, bool sequential);

} // namespace coppice::oneshot
