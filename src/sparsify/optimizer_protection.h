#pragma once

#include <torch/optim/optimizer.h>

#include <vector>

namespace coppice::sparsify {

/// Clears the state of optimizers where masks drop.
///
/// A dropped weight is zero and its gradient is zero
/// (`MaskedParameter`), so weight decay adds nothing; what can still
/// move it is what an optimizer remembers of the time before: momentum, first
/// moments, the history of L-BFGS. Second moments only divide; they are left as
/// they are, so that a weight that returns is scaled as its neighbours are.
class OptimizerProtection {
 public:
  /// Errors: c10::TypeError for an optimizer that is none of LibTorch's.
  void add(torch::optim::Optimizer& optimizer);

  /// Whether there is nothing to protect from.
  bool empty() const {
    return optimizers_.empty();
  }

  /// Whether `optimizer` updates `parameter`.
  static bool updates(
      const torch::optim::Optimizer& optimizer,
      const torch::Tensor& parameter);

  /// Clears what the optimizers remember of `parameter` where `mask` (kBool,
  /// its shape) is false.
  void clear(const torch::Tensor& parameter, const torch::Tensor& mask) const;

 private:
  std::vector<torch::optim::Optimizer*> optimizers_;
};

} // namespace coppice::sparsify
