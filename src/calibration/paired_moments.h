#pragma once

#include <functional>
#include <string>
#include <vector>

#include "calibration/layer_inputs.h"

namespace coppice::calibration {

/// Second moments of a layer's inputs in the pruned model, and against its
/// inputs in the dense one.
struct PairedMoments {
  std::vector<SecondMoments> now; ///< One for each group of a convolution.
  /// `cross_moments(now, before)` of each group. Empty if calls cannot be
  /// paired, because pruning changed a branch of the model.
  std::vector<torch::Tensor> cross;
};

/// Runs the dense and the pruned model side by side for one source of a survey.
///
/// `change`: turns a newly loaded model into the pruned one.
PairedMoments paired_moments(
    const ModelLoader& load,
    const std::function<void(torch::jit::Module&)>& change,
    const std::vector<std::string>& names,
    const LayerSurvey& survey,
    size_t source,
    const Samples& samples,
    const SampleIndices& which,
    int64_t batch,
    const std::function<void(int64_t done)>& progress);

} // namespace coppice::calibration
