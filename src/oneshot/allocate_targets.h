#pragma once

#include "oneshot/allocated_levels.h"
#include "oneshot/surveyed_model.h"

namespace coppice::oneshot {

/// Whether a level depends on what enters layers, which takes a pass over the
/// samples.
bool goes_by_outliers(const SampledTargets& targets);

/// Gives every target the level that its rule allocates to it.
///
/// Errors: c10::ValueError as `allocated_levels`.
void allocate_targets(
    const calibration::ModelLoader& load,
    SurveyedModel& model,
    const SampleUse& use,
    const Sensitivity* measured);

} // namespace coppice::oneshot
