#include <ATen/ATen.h>
#include <c10/util/Exception.h>
#include <torch/utils.h>

#include "coppice/solve/solvers.h"
#include "solve/conjugate_gradients.h"
#include "solve/factors.h"
#include "solve/matrices.h"
#include "solve/products.h"

namespace coppice {
namespace solve {

torch::Tensor conjugate_gradients(
    const torch::Tensor& moments,
    const torch::Tensor& right,
    const torch::Tensor& start,
    const torch::Tensor& keep,
    int64_t steps) {
  const auto mask = keep.to(moments.scalar_type());
  const auto inverse = moments.diagonal().reciprocal();
  auto solution = start * mask;
  auto residual = (right - solve::product(solution, moments)).mul_(mask);
  auto direction = residual * inverse;
  auto product = (residual * direction).sum(1, /*keepdim=*/true);
  // A solved row has the residual 0: 0 / 0 is taken as 0.
  const auto ratio = [](const torch::Tensor& a, const torch::Tensor& b) {
    return at::where(b.gt(0), a / b, at::zeros_like(a));
  };
  for (int64_t i = 0; i < steps; ++i) {
    const auto changed = solve::product(direction, moments).mul_(mask);
    const auto length =
        ratio(product, (direction * changed).sum(1, /*keepdim=*/true));
    solution.addcmul_(length, direction);
    residual.addcmul_(length, changed, -1);
    const auto scaled = residual * inverse;
    const auto next = (residual * scaled).sum(1, /*keepdim=*/true);
    direction = scaled.addcmul_(ratio(next, product), direction);
    product = next;
  }
  return solution;
}

} // namespace solve

Solved refit(
    const torch::Tensor& weight,
    const SecondMoments& moments,
    const torch::Tensor& mask,
    const RefitOptions& options) {
  const torch::NoGradGuard no_grad;
  const auto matrix = solve::matrix_of("refit", weight, moments);
  solve::check_mask("refit", weight, mask);
  const auto keep = mask.reshape(matrix.sizes());
  const auto gram = solve::gram_of("refit", moments);
  solve::Damped damped;
  const double dampening =
      solve::raise_dampening("refit", options.dampening(), [&](double share) {
        damped = solve::damped(gram, share, matrix.scalar_type());
        return solve::is_definite(damped.matrix);
      });
  const auto found = solve::conjugate_gradients(
                         damped.matrix,
                         solve::product(matrix, damped.matrix),
                         matrix,
                         keep,
                         options.steps())
                         .masked_fill_(damped.dead, 0);
  auto solved = solve::solved_like(weight, found, keep);
  solved.dampening = dampening;
  solved.dead_inputs = damped.dead.sum().item<int64_t>();
  return solved;
}

} // namespace coppice
