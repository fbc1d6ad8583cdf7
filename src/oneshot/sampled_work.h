#pragma once

#include "calibration/layer_survey.h"
#include "calibration/sample_choice.h"
#include "oneshot/prune_with_samples.h"

namespace coppice::oneshot {

/// The end of the sources that one pass over the samples collects, from `first`
/// on: as many as fit into memory, at least one.
size_t end_of_pass(
    const calibration::LayerSurvey& survey,
    size_t first,
    int64_t memory_bytes);

/// The work that pruning needs.
SampledWork work_of(
    const calibration::LayerSurvey& survey,
    const calibration::SampleChoice& choice,
    const SampledOptions& options);

} // namespace coppice::oneshot
