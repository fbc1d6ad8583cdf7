// Errors of a layer's outputs, and targets for them.

#include <ATen/ATen.h>
#include <c10/util/Exception.h>
#include <torch/utils.h>

#include "coppice/solve/solvers.h"
#include "solve/factors.h"
#include "solve/matrices.h"
#include "solve/products.h"

namespace coppice {
namespace {

/// tr(M G M^T)
double energy(const torch::Tensor& matrix, const torch::Tensor& moments) {
  return matrix.mm(moments).mul_(matrix).sum(torch::kDouble).item<double>();
}

struct Errors {
  double layer = 0;
  double outputs = 0; ///< Squared outputs of the original weight.
};

Errors errors_of(
    const torch::Tensor& weight,
    const torch::Tensor& pruned,
    const SecondMoments& moments) {
  const torch::NoGradGuard no_grad;
  const auto before = solve::matrix_of("layer_error", weight, moments);
  const auto after = solve::matrix_of("layer_error", pruned, moments);
  const auto gram =
      solve::gram_of("layer_error", moments).to(before.scalar_type());
  return {energy(after - before, gram), energy(before, gram)};
}

} // namespace

torch::Tensor dense_output_target(
    const torch::Tensor& weight,
    const SecondMoments& moments,
    const torch::Tensor& cross,
    double dampening) {
  const torch::NoGradGuard no_grad;
  const auto matrix = solve::matrix_of("dense_output_target", weight, moments);
  const auto features = matrix.size(1);
  TORCH_CHECK_VALUE(
      cross.sizes() == at::IntArrayRef({features, features}),
      "dense_output_target: expected cross moments [",
      features,
      ", ",
      features,
      "], got ",
      cross.sizes());
  const auto gram = solve::gram_of("dense_output_target", moments);
  solve::check_finite_moments("dense_output_target", cross);
  solve::Damped damped;
  torch::Tensor factor;
  const double used = solve::raise_dampening(
      "dense_output_target", dampening, [&](double share) {
        damped = solve::damped(gram, share, torch::kDouble);
        factor = solve::lower_factor(damped.matrix);
        return factor.defined();
      });
  auto right = cross.to(torch::kDouble).clone();
  right.diagonal().add_(used * damped.mean);
  // A dead input keeps its weight.
  right.diagonal().add_(damped.dead.to(torch::kDouble), damped.mean);
  const auto target =
      at::cholesky_solve(
          solve::product(right, matrix.to(torch::kDouble).t()), factor)
          .t();
  return target.reshape(weight.sizes()).to(weight.scalar_type()).contiguous();
}

double layer_error(
    const torch::Tensor& weight,
    const torch::Tensor& pruned,
    const SecondMoments& moments) {
  return errors_of(weight, pruned, moments).layer;
}

double relative_layer_error(
    const torch::Tensor& weight,
    const torch::Tensor& pruned,
    const SecondMoments& moments) {
  const auto errors = errors_of(weight, pruned, moments);
  return errors.outputs > 0 ? errors.layer / errors.outputs : 0;
}

} // namespace coppice
