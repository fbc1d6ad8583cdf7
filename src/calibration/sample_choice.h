#pragma once

#include <cstdint>

#include "calibration/samples.h"

namespace coppice::calibration {

/// Which samples calibrate, and which the outcome is measured on.
struct SampleChoice {
  SampleIndices calibration;
  SampleIndices held_back; ///< An eighth; none of fewer than eight.
};

/// Draws `wanted` of `count` samples, and an eighth of these to hold back, the
/// same for the same seed. They stay in their order.
///
/// `in_order`: a model that remembers what it has seen gets the first ones, and
/// the last of these are held back.
/// Errors: c10::ValueError unless `wanted` is positive.
SampleChoice
choose_samples(int64_t count, int64_t wanted, uint64_t seed, bool in_order);

} // namespace coppice::calibration
