#pragma once

#include <torch/script.h>

#include <string>
#include <vector>

namespace coppice::calibration {

/// Elements from the first to the last, gaps included.
int64_t span_of(at::IntArrayRef sizes, at::IntArrayRef strides);

/// Finds tensors of a model, and parts of them, by the memory that they lie in.
class TensorsByMemory {
 public:
  /// Of a model, the tensors of those names, which it has.
  TensorsByMemory(
      const torch::jit::Module& module,
      const std::vector<std::string>& names);

  /// The index of the name; -1 if it is, or is part of, none of them.
  int64_t find(const torch::Tensor& tensor) const;

  const torch::Tensor& at(size_t index) const {
    return tensors_[index];
  }

 private:
  std::vector<torch::Tensor> tensors_;
};

} // namespace coppice::calibration
