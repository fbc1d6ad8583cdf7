#pragma once

#include <torch/script.h>

#include <string>
#include <vector>

namespace coppice::calibration {

/// Elements from the first to the last in memory, gaps included.
int64_t span_of(at::IntArrayRef sizes, at::IntArrayRef strides);

/// Finds tensors of a model, and views of parts of them, by their memory.
class TensorsByMemory {
 public:
  /// `names`: tensors that the model has.
  TensorsByMemory(
      const torch::jit::Module& module,
      const std::vector<std::string>& names);

  /// The index of the name whose tensor contains `tensor`; -1 if none does.
  int64_t find(const torch::Tensor& tensor) const;

  const torch::Tensor& at(size_t index) const {
    return tensors_[index];
  }

 private:
  std::vector<torch::Tensor> tensors_;
};

} // namespace coppice::calibration
