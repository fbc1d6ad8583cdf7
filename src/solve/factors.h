#pragma once

#include <torch/types.h>

namespace coppice::solve {

// Factors and inverses of positive definite matrices, the same bits on any
// number of threads, as LAPACK's are not.

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
