#pragma once

#include <cstdint>

#include "calibration/samples.h"

namespace coppice::calibration {

/// Samples for calibration, and samples to measure the result on.
struct SampleChoice {
  SampleIndices calibration;
  SampleIndices held_back; ///< An eighth; none of fewer than eight.
};

/// Draws `wanted` of `count` samples and holds an eighth of them back.
/// Deterministic for a seed; indices stay in order.
///
/// `in_order`: for models with a state between samples: takes the first ones
/// and holds the last of these back.
/// Errors: c10::ValueError unless `wanted` is positive.
SampleChoice
choose_samples(int64_t count, int64_t wanted, uint64_t seed, bool in_order);

} // namespace coppice::calibration
