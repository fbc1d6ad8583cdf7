#include "sparse/check.h"

#include <c10/util/Exception.h>
#include <torch/utils.h>

#include <string>

namespace coppice::sparse {
namespace {

std::string described(const torch::Tensor& tensor) {
  if (!tensor.defined()) {
    return "no tensor";
  }
  return c10::str(
      tensor.layout(), " ", tensor.sizes(), " on ", tensor.device());
}

} // namespace

void check_weight(const char* function, const torch::Tensor& weight) {
  TORCH_CHECK_VALUE(
      weight.defined() && weight.layout() == torch::kStrided &&
          weight.device().is_cpu() && weight.dim() >= 2,
      function,
      ": expected a weight [out, in] or [out, in, height, width] on the CPU "
      "but got ",
      described(weight));
  TORCH_CHECK_TYPE(
      weight.scalar_type() == torch::kFloat,
      function,
      ": expected a float32 weight but got ",
      weight.scalar_type(),
      "; convert it with weight.to(torch::kFloat)");
}

torch::Tensor as_matrix(const torch::Tensor& weight) {
  const torch::NoGradGuard no_grad;
  const int64_t rows = weight.size(0);
  int64_t cols = 1;
  for (int64_t i = 1; i < weight.dim(); ++i) {
    cols *= weight.size(i);
  }
  return weight.detach().reshape({rows, cols}).contiguous();
}

} // namespace coppice::sparse
