#pragma once

#include "coppice/export.h"
#include "coppice/solve/solvers.h"

namespace coppice {

/// Options of `solve_admm`.
struct ADMMOptions {
  TORCH_ARG(int64_t, steps) = 20;
  /// Steps over which the sparsity increases; then the mask is fixed.
  TORCH_ARG(int64_t, gradual_steps) = 15;
  TORCH_ARG(double, dampening) = 0.1;
};

/// Searches mask and weights with increasing sparsity: the alternating
/// direction method of multipliers with a constant penalty, so that one inverse
/// serves all steps.
///
/// Errors: as `solve_wanda`; c10::ValueError if the dampening is negative.
/// Source: Boza 2024, arXiv:2401.02938.
COPPICE_API Solved solve_admm(
    const torch::Tensor& weight,
    const SecondMoments& moments,
    const Selection& selection,
    const ADMMOptions& options = {});

} // namespace coppice
