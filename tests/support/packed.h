#pragma once

// Shared by the tests of packed weights.

#include <torch/torch.h>

#include <vector>

#include "coppice/core/pattern.h"
#include "coppice/sparse/packed_weight.h"

namespace coppice::testing {

/// Random numbers of that shape, the same for the same seed.
inline torch::Tensor random(torch::IntArrayRef shape, uint64_t seed = 0) {
  auto generator = at::detail::createCPUGenerator(seed);
  return torch::randn(shape, generator);
}

/// A random weight in which a block [rows, cols] of its matrix is zero with
/// probability `sparsity`.
inline torch::Tensor sparse_weight(
    torch::IntArrayRef shape,
    double sparsity,
    BlockShape block = {1, 1},
    uint64_t seed = 1) {
  const auto weight = random(shape, seed);
  const int64_t rows = weight.size(0);
  const int64_t cols = rows == 0 ? 0 : weight.numel() / rows;
  if (weight.numel() == 0) {
    return weight;
  }
  auto generator = at::detail::createCPUGenerator(seed + 1);
  const auto blocks = torch::rand(
      {(rows + block.rows - 1) / block.rows,
       (cols + block.cols - 1) / block.cols},
      generator);
  const auto keeps = blocks.ge(sparsity)
                         .repeat_interleave(block.rows, 0)
                         .repeat_interleave(block.cols, 1)
                         .narrow(0, 0, rows)
                         .narrow(1, 0, cols);
  return torch::where(
      keeps.reshape(shape), weight, torch::zeros({}, torch::kFloat));
}

/// A weight after rounding to bfloat16.
inline torch::Tensor rounded(const torch::Tensor& weight) {
  return weight.to(torch::kBFloat16).to(torch::kFloat);
}

/// Equal bit for bit: NaN equals itself, 0 is not -0.
inline bool same_bits(const torch::Tensor& a, const torch::Tensor& b) {
  return a.sizes() == b.sizes() &&
      a.contiguous().view(torch::kInt).equal(b.contiguous().view(torch::kInt));
}

/// Whether `y` is within 1e-5 of `wanted`, float64, measured by the sum of the
/// magnitudes of its terms; equally NaN or infinite.
inline bool is_close(
    const torch::Tensor& y,
    const torch::Tensor& wanted,
    const torch::Tensor& magnitude) {
  const auto finite = wanted.isfinite();
  const auto off = (y.to(torch::kDouble) - wanted).abs();
  const auto same =
      (y.to(torch::kDouble) == wanted) | (y.isnan() & wanted.isnan());
  return y.sizes() == wanted.sizes() && y.scalar_type() == torch::kFloat &&
      torch::where(finite, off.le(magnitude * 1e-5 + 1e-30), same)
          .all()
          .item<bool>();
}

} // namespace coppice::testing
