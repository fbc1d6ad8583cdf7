#pragma once

#include <cstddef>
#include <cstdint>

/// The elementwise steps of ADMM for a mask (ALPS: Meng et al., 2024). `state`
/// is the projected weight where `mask` keeps, and the scaled dual variable
/// where it drops.
namespace coppice::kernels {

/// to[i] = right[i] + kept * state[i] where `mask` keeps, else right[i] +
/// dropped * state[i].
void admm_right_side(
    const float* right,
    const float* state,
    const uint8_t* mask,
    float kept,
    float dropped,
    size_t count,
    float* to);

/// state[i] = fitted[i] where `mask` keeps, else fitted[i] + ratio * state[i];
/// squares[i] = state[i]^2.
void admm_update(
    const float* fitted,
    const uint8_t* mask,
    float ratio,
    size_t count,
    float* state,
    float* squares);

} // namespace coppice::kernels
