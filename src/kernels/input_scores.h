#pragma once

#include <cstddef>
#include <cstdint>

/// How much weights matter by what enters them, and the weights that stay.
namespace coppice::kernels {

/// What `score_inputs` makes of a weight and the scale of its input.
struct InputScore {
  bool squared = false;      ///< (|w| * scale)^2, not |w| * scale.
  bool zeros_lowest = false; ///< -1 where the weight is zero.
};

/// scores[i] = |weight[i]| * scale[i].
///
/// Returns whether every weight is finite.
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

/// `keep_weights`, of a mask that loses what is zero.
void keep_weights_but_zeros(
    const float* from,
    size_t count,
    uint8_t* mask,
    float* to);

} // namespace coppice::kernels
