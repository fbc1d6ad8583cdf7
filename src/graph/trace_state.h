#pragma once

#include <ATen/core/Generator.h>
#include <torch/nn/module.h>

#include <utility>
#include <vector>

namespace coppice::detail {

/// The state that a run of a model changes: buffers, and the random number
/// generators of the CPU and of the buffers' devices. Restores it, at the
/// latest when destroyed.
class RunState {
 public:
  explicit RunState(const torch::nn::Module& model);
  ~RunState();

  RunState(const RunState&) = delete;
  RunState& operator=(const RunState&) = delete;

  void restore();

 private:
  std::vector<std::pair<torch::Tensor, torch::Tensor>> buffers_;
  std::vector<std::pair<at::Generator, torch::Tensor>> generators_;
};

} // namespace coppice::detail
