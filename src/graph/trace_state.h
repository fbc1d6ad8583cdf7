#pragma once

#include <ATen/core/Generator.h>
#include <torch/nn/module.h>

#include <utility>
#include <vector>

namespace coppice::detail {

/// What a run of a model changes beside its output: buffers, and the state of
/// the random number generators of the CPU and of its devices. Puts them back
/// as they were, at the latest when it goes.
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
