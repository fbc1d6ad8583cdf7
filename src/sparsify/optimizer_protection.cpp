#include "sparsify/optimizer_protection.h"

#include <torch/optim.h>

#include <algorithm>

#include "core/torch_compat.h"

namespace coppice::sparsify {
namespace {

template <typename... Known>
bool is_one_of(const torch::optim::Optimizer& optimizer) {
  return ((dynamic_cast<const Known*>(&optimizer) != nullptr) || ...);
}

void clear_where(
    const torch::Tensor& remembered,
    const torch::Tensor& dropped) {
  if (remembered.defined()) {
    remembered.masked_fill_(dropped, 0);
  }
}

/// L-BFGS keeps one flat history for all parameters, of gradients and steps
/// under the old mask. Masking entries would make its inner products wrong, so
/// it is cleared, as after any change of the objective.
void forget_history(torch::optim::Optimizer& optimizer) {
  optimizer.state().clear();
}

void clear_state(
    torch::optim::OptimizerParamState& state,
    const torch::Tensor& dropped) {
  namespace optim = torch::optim;
  if (auto* sgd = dynamic_cast<optim::SGDParamState*>(&state)) {
    clear_where(sgd->momentum_buffer(), dropped);
  } else if (auto* adam = dynamic_cast<optim::AdamParamState*>(&state)) {
    clear_where(adam->exp_avg(), dropped);
  } else if (auto* adamw = dynamic_cast<optim::AdamWParamState*>(&state)) {
    clear_where(adamw->exp_avg(), dropped);
  } else if (auto* rms = dynamic_cast<optim::RMSpropParamState*>(&state)) {
    clear_where(rms->momentum_buffer(), dropped);
  }
  // Adagrad keeps only a sum of squares, which only divides.
}

} // namespace

void OptimizerProtection::add(torch::optim::Optimizer& optimizer) {
  using namespace torch::optim;
  TORCH_CHECK_TYPE(
      (is_one_of<SGD, Adam, AdamW, Adagrad, RMSprop, LBFGS>(optimizer)),
      "protect: expected one of LibTorch's optimizers (SGD, Adam, AdamW, "
      "Adagrad, RMSprop, LBFGS), got one whose state is unknown; call "
      "`apply_masks` after each of its steps instead");
  if (std::find(optimizers_.begin(), optimizers_.end(), &optimizer) ==
      optimizers_.end()) {
    optimizers_.push_back(&optimizer);
  }
}

bool OptimizerProtection::updates(
    const torch::optim::Optimizer& optimizer,
    const torch::Tensor& parameter) {
  for (const auto& group : optimizer.param_groups()) {
    for (const auto& updated : group.params()) {
      if (updated.is_same(parameter)) {
        return true;
      }
    }
  }
  return false;
}

void OptimizerProtection::clear(
    const torch::Tensor& parameter,
    const torch::Tensor& mask) const {
  const torch::NoGradGuard no_grad;
  for (auto* optimizer : optimizers_) {
    if (!updates(*optimizer, parameter)) {
      continue;
    }
    if (dynamic_cast<torch::optim::LBFGS*>(optimizer) != nullptr) {
      forget_history(*optimizer);
      continue;
    }
    const auto state =
        optimizer->state().find(compat::optimizer_key(parameter));
    if (state != optimizer->state().end()) {
      clear_state(*state->second, mask.logical_not());
    }
  }
}

} // namespace coppice::sparsify
