#pragma once

#include <torch/script.h>

#include <cstdint>
#include <functional>
#include <vector>

namespace coppice::oneshot {

/// Inputs of a TorchScript model, cut into batches.
class Calibration {
 public:
  /// Errors: c10::ValueError if `inputs` are not those of `forward`, or differ
  ///   in their number of samples.
  Calibration(
      const torch::jit::Module& module,
      std::vector<torch::Tensor> inputs);

  int64_t samples() const {
    return samples_;
  }

  /// Runs the model on every batch, without gradients, in evaluation mode.
  /// Restores each module's training flag.
  void run(
      torch::jit::Module& module,
      int64_t batch,
      const std::function<void(int64_t done, int64_t total)>& progress) const;

 private:
  std::vector<c10::IValue> batch_of(int64_t begin, int64_t end) const;

  std::vector<torch::Tensor> inputs_;
  std::vector<c10::TypePtr> types_; ///< Of the arguments of `forward`.
  int64_t samples_ = 0;
};

} // namespace coppice::oneshot
