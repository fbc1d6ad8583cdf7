#pragma once

#include <functional>
#include <vector>

#include "calibration/layer_inputs.h"
#include "oneshot/surveyed_model.h"

namespace coppice::oneshot {

/// The end of the sources that one pass over the samples collects, from `first`
/// on, which is not solved: as many unsolved ones as fit into memory, at least
/// one.
size_t end_of_pass(
    const calibration::LayerSurvey& survey,
    size_t first,
    int64_t memory_bytes);

/// Runs the dense model on the calibration samples, in as many passes as memory
/// requires, and calls `take` with the second moments of each source that is
/// not solved, one for each group of a convolution.
///
/// If layers that read the same value on the first samples do not on others,
/// each gets a source of its own, `begin_again` is called, and all are
/// collected again.
void collect_in_passes(
    const calibration::ModelLoader& load,
    SurveyedModel& model,
    const SampleUse& use,
    const std::function<void()>& begin_again,
    const std::function<void(size_t source, const std::vector<SecondMoments>&)>&
        take);

/// The diagonals of the second moments of all sources, in one pass.
std::vector<std::vector<SecondMoments>> squares_of_inputs(
    const calibration::ModelLoader& load,
    SurveyedModel& model,
    const SampleUse& use);

} // namespace coppice::oneshot
