#pragma once

#include <functional>
#include <string>
#include <vector>

#include "calibration/layer_inputs.h"

namespace coppice::calibration {

/// What enters layers in a model whose layers before them are pruned, and what
/// entered them in the dense one.
struct PairedMoments {
  std::vector<SecondMoments> now; ///< A group of a convolution each.
  /// `cross_moments(now, before)` of each group. None if the two cannot be
  /// paired: layers before them made the model take other branches.
  std::vector<torch::Tensor> cross;
};

/// Runs the dense and the pruned model side by side for one source of a survey.
///
/// `change`: makes the pruned model of a newly loaded one.
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
