#pragma once

#include <functional>

#include "calibration/output_change.h"
#include "oneshot/sampled_targets.h"

namespace coppice::oneshot {

/// Runs the dense and the pruned model on samples and compares their outputs.
/// Adds the output errors of layers whose method keeps only the diagonal of the
/// second moments.
///
/// `labels`: as of `OutputComparison`.
calibration::OutputChange compare_outputs(
    const calibration::ModelLoader& load,
    SampledTargets& targets,
    const calibration::LayerSurvey& survey,
    const calibration::Samples& samples,
    const calibration::SampleIndices& which,
    int64_t batch,
    const torch::Tensor& labels,
    const std::function<void(int64_t done)>& progress);

} // namespace coppice::oneshot
