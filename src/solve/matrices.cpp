#include "solve/matrices.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/util/Exception.h>

#include <cmath>

#include "kernels/input_scores.h"
#include "kernels/shared_pages.h"
#include "masks/cpu.h"

namespace coppice::solve {
namespace {

/// `matrix` where `keep`, else +0.
torch::Tensor kept_of(const torch::Tensor& matrix, const torch::Tensor& keep) {
  if (!masks::has_fast_path(matrix)) {
    return matrix.masked_fill(keep.logical_not(), 0);
  }
  constexpr int64_t kElements = 1 << 16; // The fewest elements worth a thread.
  const auto from = matrix.contiguous();
  const auto mask = keep.contiguous();
  auto kept = at::empty_like(from);
  kernels::prefer_huge(kept.data_ptr(), kept.nbytes());
  at::parallel_for(0, kept.numel(), kElements, [&](int64_t begin, int64_t end) {
    kernels::keep_weights(
        from.data_ptr<float>() + begin,
        end - begin,
        reinterpret_cast<const uint8_t*>(mask.data_ptr<bool>()) + begin,
        kept.data_ptr<float>() + begin);
  });
  return kept;
}

} // namespace

void check_finite_moments(const char* solver, const torch::Tensor& moments) {
  // The sum is not finite if an element is not.
  TORCH_CHECK_VALUE(
      std::isfinite(moments.sum().item<double>()),
      solver,
      ": the second moments hold NaN or infinity; check the samples for "
      "them");
}

double raise_dampening(
    const char* solver,
    double first,
    const std::function<bool(double)>& works) {
  // Beyond this multiple of the mean, dampening suppresses all compensation.
  constexpr double kMost = 1e4;
  TORCH_CHECK_VALUE(
      first >= 0, solver, ": expected a dampening of 0 or more, got ", first);
  double dampening = first;
  while (!works(dampening)) {
    TORCH_CHECK_VALUE(
        dampening < kMost,
        solver,
        ": the second moments are far from positive definite; check that they "
        "are sums over samples");
    dampening = dampening > 0 ? 10 * dampening : 1e-3;
  }
  return dampening;
}

torch::Tensor view_of(
    const char* solver,
    const torch::Tensor& weight,
    const SecondMoments& moments) {
  TORCH_CHECK_VALUE(
      weight.dim() >= 2 && weight.numel() > 0 && weight.is_floating_point(),
      solver,
      ": expected a floating weight [out, ...], got ",
      weight.scalar_type(),
      " ",
      weight.sizes());
  const int64_t features = weight.numel() / weight.size(0);
  TORCH_CHECK_VALUE(
      features == moments.features(),
      solver,
      ": the weight has ",
      features,
      " inputs and the second moments are those of ",
      moments.features());
  const auto dtype =
      weight.scalar_type() == torch::kDouble ? torch::kDouble : torch::kFloat;
  return weight.detach()
      .reshape({weight.size(0), features})
      .to(dtype)
      .contiguous();
}

torch::Tensor matrix_of(
    const char* solver,
    const torch::Tensor& weight,
    const SecondMoments& moments) {
  const auto matrix = view_of(solver, weight, moments).clone();
  check_finite_weight(
      solver,
      masks::has_fast_path(matrix) ? masks::cpu::all_finite(matrix)
                                   : matrix.isfinite().all().item<bool>());
  return matrix;
}

void check_finite_weight(const char* solver, bool finite) {
  TORCH_CHECK_VALUE(finite, solver, ": the weight holds NaN or infinity");
}

void check_mask(
    const char* solver,
    const torch::Tensor& weight,
    const torch::Tensor& mask) {
  TORCH_CHECK_VALUE(
      mask.sizes() == weight.sizes() && mask.scalar_type() == torch::kBool,
      solver,
      ": expected a bool mask of ",
      weight.sizes(),
      ", got ",
      mask.scalar_type(),
      " ",
      mask.sizes());
}

torch::Tensor gram_of(const char* solver, const SecondMoments& moments) {
  const auto matrix = moments.matrix();
  check_finite_moments(solver, matrix);
  return matrix;
}

torch::Tensor diagonal_of(const char* solver, const SecondMoments& moments) {
  const auto diagonal = moments.diagonal();
  check_finite_moments(solver, diagonal);
  return diagonal;
}

Solved solved_like(
    const torch::Tensor& weight,
    const torch::Tensor& matrix,
    const torch::Tensor& keep) {
  Solved solved;
  solved.weight =
      kept_of(matrix, keep).reshape(weight.sizes()).to(weight.scalar_type());
  solved.mask = keep.reshape(weight.sizes());
  return solved;
}

Damped damped(
    const torch::Tensor& moments,
    double dampening,
    torch::ScalarType dtype,
    DeadInputs dead_inputs) {
  Damped result;
  auto matrix = moments.clone();
  auto diagonal = matrix.diagonal();
  result.dead = diagonal.eq(0);
  const auto live = diagonal.masked_select(result.dead.logical_not());
  result.mean = live.numel() == 0 ? 1 : live.mean().item<double>();
  if (dead_inputs == DeadInputs::AsMean) {
    diagonal.masked_fill_(result.dead, result.mean);
    diagonal.add_(dampening * result.mean);
  } else {
    diagonal.masked_fill_(result.dead, 1);
    diagonal.add_(dampening * diagonal.mean().item<double>());
  }
  result.matrix = matrix.to(dtype);
  return result;
}

} // namespace coppice::solve
