#pragma once

#include <torch/types.h>

#include <functional>

#include "coppice/solve/solvers.h"

namespace coppice::solve {

/// A weight seen as [out, features], contiguous: float64 for float64, else
/// float32. May share its memory.
///
/// Errors: c10::ValueError as the solvers, but for what is not finite; `solver`
///   leads the sentence.
torch::Tensor view_of(
    const char* solver,
    const torch::Tensor& weight,
    const SecondMoments& moments);

/// A weight as solvers compute with it: `view_of`, a copy.
///
/// Errors: c10::ValueError as the solvers.
torch::Tensor matrix_of(
    const char* solver,
    const torch::Tensor& weight,
    const SecondMoments& moments);

/// The sentence of a weight that is not finite.
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
  torch::Tensor matrix; ///< In the dtype that was asked for.
  torch::Tensor dead;   ///< kBool [features]: inputs that were always zero.
  double mean = 0;      ///< Of the second moments of live inputs.
};

/// How dead inputs are treated.
enum class DeadInputs {
  AsMean, ///< They get the mean of the live ones, which is the mean.
  AsOne,  ///< They get 1, which counts in the mean (the published code).
};

Damped damped(
    const torch::Tensor& moments,
    double dampening,
    torch::ScalarType dtype,
    DeadInputs dead_inputs = DeadInputs::AsMean);

/// The first that works of `first`, ten times that, and so on.
///
/// Errors: c10::ValueError if `first` is negative, or none works that leaves
///   anything to compensate by.
double raise_dampening(
    const char* solver,
    double first,
    const std::function<bool(double)>& works);

/// The lower Cholesky factor; undefined if there is none.
torch::Tensor lower_factor(const torch::Tensor& matrix);

bool is_definite(const torch::Tensor& matrix);

/// Upper triangular U with U^T U = matrix^-1; undefined if the matrix is not
/// positive definite. One Cholesky factor of the matrix with its order
/// reversed, and the inverse of that factor.
torch::Tensor inverse_factor(const torch::Tensor& matrix);

/// The inverse of a positive definite matrix; undefined if it is not.
torch::Tensor positive_inverse(const torch::Tensor& matrix);

} // namespace coppice::solve
