#pragma once

#include <torch/script.h>

#include <vector>

#include "calibration/layer_survey.h"
#include "calibration/sample_choice.h"
#include "oneshot/sample_use.h"
#include "oneshot/sampled_targets.h"

namespace coppice::oneshot {

/// A model with its samples, and how its layers read their inputs: all that is
/// known before a layer is solved.
struct SurveyedModel {
  SampledTargets targets;
  calibration::Samples samples;
  calibration::SampleChoice choice;
  int64_t batch = 1;
  calibration::LayerSurvey survey;

  /// The samples that outputs are compared on: those held back, or all.
  const calibration::SampleIndices& compared() const {
    return choice.held_back.empty() ? choice.calibration : choice.held_back;
  }
};

/// Finds the layers that a recipe prunes, draws samples and runs some of them.
///
/// Errors: c10::ValueError as `prune_with_samples`.
SurveyedModel survey_model(
    const Checkpoint& input,
    const calibration::ModelLoader& load,
    std::vector<c10::IValue> inputs,
    const Recipe& recipe,
    const SampleUse& use);

} // namespace coppice::oneshot
