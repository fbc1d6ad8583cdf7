#include <ATen/ATen.h>
#include <torch/utils.h>

#include "coppice/solve/solvers.h"
#include "solve/matrices.h"

namespace coppice {

Solved solve_wanda(
    const torch::Tensor& weight,
    const SecondMoments& moments,
    const Selection& selection,
    const WandaOptions& options) {
  const torch::NoGradGuard no_grad;
  const auto matrix = solve::matrix_of("solve_wanda", weight, moments);
  const auto diagonal = moments.diagonal();
  auto scores =
      matrix.abs().mul_(diagonal.clamp_min(0).sqrt().to(matrix.scalar_type()));
  if (std::holds_alternative<BlockShape>(selection.pattern())) {
    scores.square_();
  }
  torch::Tensor keep;
  if (options.preserve_zeros()) {
    const auto zeros = matrix.eq(0);
    keep = select_mask(scores.masked_fill_(zeros, -1), selection)
               .logical_and_(zeros.logical_not());
  } else {
    keep = select_mask(scores, selection);
  }
  auto solved = solve::solved_like(weight, matrix, keep);
  solved.dead_inputs = diagonal.eq(0).sum().item<int64_t>();
  return solved;
}

} // namespace coppice
