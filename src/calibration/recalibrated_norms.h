#pragma once

#include <functional>
#include <map>
#include <string>

#include "calibration/samples.h"

namespace coppice::calibration {

/// Running means and variances of batch norms on the samples, by the names of
/// `running_mean` and `running_var`. Each batch is normalised by its own
/// statistics, as in training; the result is that of all samples together.
/// Norms that never ran are left out.
///
/// `change`: turns a newly loaded model into the pruned one.
std::map<std::string, torch::Tensor> recalibrated_norms(
    const ModelLoader& load,
    const std::function<void(torch::jit::Module&)>& change,
    const Samples& samples,
    const SampleIndices& which,
    int64_t batch,
    const std::function<void(int64_t done)>& progress);

} // namespace coppice::calibration
