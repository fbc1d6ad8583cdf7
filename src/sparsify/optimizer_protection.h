#pragma once

#include <torch/optim/optimizer.h>

#include <vector>

namespace coppice::sparsify {

/// Clears optimizer state where masks drop.
///
/// A dropped weight and its gradient are zero (`MaskedParameter`), so weight
/// decay adds nothing; only older state can move it: momentum, first moments,
/// the history of L-BFGS. Second moments only divide; they are kept, so that a
/// weight that returns is scaled like its neighbours.
class OptimizerProtection {
 public:
  /// Errors: c10::TypeError for an optimizer that is not LibTorch's.
  void add(torch::optim::Optimizer& optimizer);

  /// Whether no optimizer was added.
  bool empty() const {
    return optimizers_.empty();
  }

  /// Whether `optimizer` updates `parameter`.
  static bool updates(
      const torch::optim::Optimizer& optimizer,
      const torch::Tensor& parameter);

  /// Clears the optimizers' state of `parameter` where `mask` (kBool, its
  /// shape) is false.
  void clear(const torch::Tensor& parameter, const torch::Tensor& mask) const;

 private:
  std::vector<torch::optim::Optimizer*> optimizers_;
};

} // namespace coppice::sparsify
