#pragma once

#include <torch/types.h>

#include <functional>

#include "coppice/solve/solvers.h"

namespace coppice::solve {

/// A weight seen as [out, features], contiguous: float64 for float64, else
/// float32. May share its memory.
///
/// Errors: c10::ValueError as the solvers, with the prefix `solver`; does not
///   check for NaN or infinity.
torch::Tensor view_of(
    const char* solver,
    const torch::Tensor& weight,
    const SecondMoments& moments);

/// `view_of`, but always a copy.
///
/// Errors: c10::ValueError as the solvers.
torch::Tensor matrix_of(
    const char* solver,
    const torch::Tensor& weight,
    const SecondMoments& moments);

/// Errors: c10::ValueError unless `finite`.
void check_finite_weight(const char* solver, bool finite);

/// Errors: c10::ValueError if `moments` are not finite.
void check_finite_moments(const char* solver, const torch::Tensor& moments);

/// Errors: c10::ValueError unless `mask` is kBool in the shape of `weight`.
void check_mask(
    const char* solver,
    const torch::Tensor& weight,
    const torch::Tensor& mask);

/// `moments.matrix()`.
///
/// Errors: c10::ValueError if they are not finite.
torch::Tensor gram_of(const char* solver, const SecondMoments& moments);

/// `moments.diagonal()`.
///
/// Errors: c10::ValueError if it is not finite.
torch::Tensor diagonal_of(const char* solver, const SecondMoments& moments);

/// The result in the shape and dtype of `weight`.
Solved solved_like(
    const torch::Tensor& weight,
    const torch::Tensor& matrix,
    const torch::Tensor& keep);

/// Second moments with something added to the diagonal.
struct Damped {
  torch::Tensor matrix; ///< In the requested dtype.
  torch::Tensor dead;   ///< kBool [features]: inputs that were always zero.
  double mean = 0;      ///< Of the second moments of live inputs.
};

/// Their diagonal elements in the damped matrix.
enum class DeadInputs {
  AsMean, ///< The mean of the live ones.
  AsOne,  ///< 1, which counts in the mean (the published code).
};

Damped damped(
    const torch::Tensor& moments,
    double dampening,
    torch::ScalarType dtype,
    DeadInputs dead_inputs = DeadInputs::AsMean);

/// The first of `first`, ten times that, and so on, for which the attempt
/// succeeds.
///
/// Errors: c10::ValueError if `first` is negative, or none succeeds below a
///   limit.
double raise_dampening(
    const char* solver,
    double first,
    const std::function<bool(double)>& works);

} // namespace coppice::solve
