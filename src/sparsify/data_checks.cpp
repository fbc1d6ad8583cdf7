#include "sparsify/data_checks.h"

#include <torch/torch.h>

namespace coppice::sparsify {

void check_data_name(const char* function, const std::string& name) {
  TORCH_CHECK_VALUE(
      !name.empty() && name.find('.') == std::string::npos,
      function,
      ": expected a name that is not empty and has no dot, got `",
      name,
      "`");
}

torch::Tensor as_data_mask(
    const char* what,
    const c10::IValue& mask,
    const torch::Tensor& data) {
  TORCH_CHECK_VALUE(
      mask.isTensor() && mask.toTensor().defined() &&
          mask.toTensor().sizes() == data.sizes(),
      what,
      ": expected a tensor of shape ",
      data.sizes(),
      ", got ",
      to_python_string(mask));
  const auto& tensor = mask.toTensor();
  const auto dense = tensor.is_sparse() ? tensor.to_dense() : tensor;
  return dense.ne(0).to(data.device());
}

torch::Tensor reused_data_mask(
    const DataGroup& old,
    const torch::Tensor& data) {
  TORCH_CHECK_VALUE(
      old.mask.sizes() == data.sizes(),
      "the mask to reuse has shape ",
      old.mask.sizes(),
      ", the new data ",
      data.sizes(),
      "; give data of that shape, or `reuse_mask` as false");
  return old.mask.to(data.device());
}

} // namespace coppice::sparsify
