#pragma once

#include <torch/types.h>

#include <cstdint>

namespace coppice::solve {

/// Least squares for each row on the entries that it keeps: V of V G = right
/// where `keep`, zero elsewhere. Conjugate gradients from `start`, with the
/// diagonal of G as preconditioner.
///
/// Shapes: `moments` [features, features], positive definite; `right`, `start`
///   and `keep` (kBool) [out, features].
torch::Tensor conjugate_gradients(
    const torch::Tensor& moments,
    const torch::Tensor& right,
    const torch::Tensor& start,
    const torch::Tensor& keep,
    int64_t steps);

} // namespace coppice::solve
