#pragma once

#include <functional>
#include <map>
#include <string>

#include "calibration/samples.h"

namespace coppice::calibration {

/// Means and variances that batch norms have on the samples, by the names of
/// `running_mean` and `running_var`: each batch passes a norm with its own
/// statistics, as in training, and those of all samples together are what is
/// given. Norms that never ran are not among them.
///
/// `change`: makes the pruned model of a newly loaded one.
std::map<std::string, torch::Tensor> recalibrated_norms(
    const ModelLoader& load,
    const std::function<void(torch::jit::Module&)>& change,
    const Samples& samples,
    const SampleIndices& which,
    int64_t batch,
    const std::function<void(int64_t done)>& progress);

} // namespace coppice::calibration
