#include "coppice/solve/admm.h"

#include <ATen/ATen.h>
#include <c10/util/Exception.h>
#include <torch/utils.h>

#include <cmath>
#include <limits>

#include "coppice/masks/select.h"
#include "solve/factors.h"
#include "solve/matrices.h"
#include "solve/products.h"

namespace coppice {
namespace {

using torch::Tensor;

/// The mask when the sparsity is the fraction `done` of the selection's.
Tensor intermediate_mask(
    const Tensor& scores,
    const Selection& selection,
    double done) {
  if (!std::holds_alternative<Nm>(selection.pattern())) {
    return select_mask(
        scores, Selection(selection).sparsity(selection.sparsity() * done));
  }
  // The lowest of those that the groups drop in the end.
  const auto kept = select_mask(scores, selection);
  const auto count = static_cast<int64_t>(
      static_cast<double>(scores.numel()) * selection.share() * done);
  return drop_lowest_mask(
      scores.masked_fill(kept, std::numeric_limits<double>::infinity()), count);
}

} // namespace

Solved solve_admm(
    const Tensor& weight,
    const SecondMoments& moments,
    const Selection& selection,
    const ADMMOptions& options) {
  const torch::NoGradGuard no_grad;
  TORCH_CHECK_VALUE(
      options.steps() > 0 && options.gradual_steps() >= 0,
      "solve_admm: expected one step or more, got ",
      options.steps());
  const auto matrix = solve::matrix_of("solve_admm", weight, moments);
  const auto gram = solve::gram_of("solve_admm", moments);
  const auto dead = gram.diagonal().eq(0).sum().item<int64_t>();
  const auto scale = gram.diagonal().clamp_min(0).sqrt().add_(1e-8);
  const auto dtype = matrix.scalar_type();
  const auto units = scale.to(dtype);
  auto fitted = matrix * units;
  Tensor damped, inverse;
  const double dampening = solve::raise_dampening(
      "solve_admm", options.dampening(), [&](double share) {
        damped = (gram / scale).div_(scale.unsqueeze(1));
        damped.diagonal().add_(share * damped.diagonal().mean().item<double>());
        auto with_penalty = damped.clone();
        with_penalty.diagonal().add_(1);
        inverse = solve::positive_inverse(with_penalty);
        return inverse.defined() && solve::is_definite(damped);
      });
  const auto right = solve::product(fitted, damped.to(dtype));
  inverse = inverse.to(dtype);
  auto price = at::zeros_like(fitted);
  Tensor keep;
  for (int64_t step = 0; step < options.steps(); ++step) {
    const auto wanted = fitted + price;
    if (step < options.gradual_steps() || !keep.defined()) {
      const double left = options.gradual_steps() == 0 ? 0
                                                       : 1 -
              static_cast<double>(step + 1) /
                  static_cast<double>(options.gradual_steps());
      keep =
          intermediate_mask(wanted.square(), selection, 1 - std::pow(left, 3));
    }
    const auto allowed = wanted.masked_fill(keep.logical_not(), 0);
    price = wanted - allowed;
    fitted = solve::product(right + allowed - price, inverse);
  }
  auto solved = solve::solved_like(weight, (fitted + price).div_(units), keep);
  solved.dampening = dampening;
  solved.dead_inputs = dead;
  return solved;
}

} // namespace coppice
