#include "oneshot/activation_statistics.h"

#include "coppice/masks/measure.h"

namespace coppice::oneshot {
namespace {

double share(double part, double whole) {
  return whole == 0 ? 0 : part / whole;
}

} // namespace

void ActivationStatistics::add(const torch::Tensor& activation) {
  const torch::NoGradGuard no_grad;
  const std::lock_guard<std::mutex> lock(mutex_);
  is_floating_ = is_floating_ && activation.is_floating_point();
  if (!is_floating_ || activation.dim() == 0) {
    return;
  }
  elements_ += activation.numel();
  zero_elements_ += count_zeros(activation);
  const auto squares = activation.detach()
                           .to(torch::kDouble)
                           .square()
                           .sum({0}, /*keepdim=*/true);
  if (squares_.defined()) {
    squares_ += squares;
  } else {
    squares_ = squares;
  }
}

std::vector<int64_t> ActivationStatistics::shape() const {
  return squares_.defined() ? squares_.sizes().slice(1).vec()
                            : std::vector<int64_t>();
}

double ActivationStatistics::zeros() const {
  return share(zero_elements_, elements_);
}

double ActivationStatistics::masked(const ActivationMask& mask) const {
  return 1 -
      masked_activation(torch::ones_like(squares_), mask).mean().item<double>();
}

double ActivationStatistics::energy_kept(const ActivationMask& mask) const {
  return share(
      masked_activation(squares_, mask).sum().item<double>(),
      squares_.sum().item<double>());
}

} // namespace coppice::oneshot
