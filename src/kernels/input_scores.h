#pragma once

#include <cstddef>
#include <cstdint>

/// Scores of weights scaled by their inputs, and the masking of weights.
namespace coppice::kernels {

/// How `score_inputs` scores a weight.
struct InputScore {
  bool squared = false;      ///< (|w| * scale)^2 instead of |w| * scale.
  bool zeros_lowest = false; ///< -1 where the weight is zero.
};

/// scores[i] = |weight[i]| * scale[i], changed as `score` says. Returns whether
/// every weight is finite.
bool score_inputs(
    const float* weight,
    const float* scale,
    size_t count,
    InputScore score,
    float* scores);

/// to[i] = from[i] where `mask` keeps, else +0.
void keep_weights(
    const float* from,
    size_t count,
    const uint8_t* mask,
    float* to);

/// `keep_weights`, but first drops from `mask` the weights that are zero.
void keep_weights_but_zeros(
    const float* from,
    size_t count,
    uint8_t* mask,
    float* to);

} // namespace coppice::kernels
