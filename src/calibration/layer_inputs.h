#pragma once

#include <exception>
#include <functional>
#include <string>
#include <vector>

#include "calibration/layer_survey.h"

namespace coppice::calibration {

/// Thrown by `collect_moments` where layers of one source read different
/// values.
class SourcesDiffer : public std::exception {};

/// The second moments of the sources [first, last), in one pass over the
/// samples.
///
/// Errors: c10::ValueError if an op uses parts of a tensor that it did not use
///   in the survey; SourcesDiffer.
std::vector<std::vector<SecondMoments>> collect_moments(
    const ModelLoader& load,
    const std::vector<std::string>& names,
    const LayerSurvey& survey,
    size_t first,
    size_t last,
    const Samples& samples,
    const SampleIndices& which,
    int64_t batch,
    const std::function<void(int64_t done)>& progress);

} // namespace coppice::calibration
