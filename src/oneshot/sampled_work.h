#pragma once

#include "oneshot/prune_with_samples.h"
#include "oneshot/surveyed_model.h"

namespace coppice::oneshot {

/// The work that pruning needs.
SampledWork work_of(const SurveyedModel& model, const SampledOptions& options);

} // namespace coppice::oneshot
