#pragma once

#include <torch/types.h>

namespace coppice::solve {

// Products of matrices that give the same bits on any number of threads. A BLAS
// cuts long sums elsewhere when threads share the product, and short ones
// nowhere, so sums are taken in parts.

/// a times b.
torch::Tensor product(const torch::Tensor& a, const torch::Tensor& b);

/// The same, into `out`.
void product_into(
    const torch::Tensor& out,
    const torch::Tensor& a,
    const torch::Tensor& b);

/// to += scale * a b
void add_product(
    const torch::Tensor& to,
    const torch::Tensor& a,
    const torch::Tensor& b,
    double scale = 1);

} // namespace coppice::solve
