#include "masks/grid.h"

#include <c10/util/Exception.h>

#include <algorithm>
#include <limits>

namespace coppice::masks {

void check_block(const char* function, BlockShape block) {
  constexpr int64_t limit = std::numeric_limits<int32_t>::max();
  TORCH_CHECK_VALUE(
      0 < block.rows && block.rows <= limit && 0 < block.cols &&
          block.cols <= limit,
      function,
      ": expected a sparse block shape with sides from 1 to 2^31 - 1, got ",
      block);
}

void check_zeros_per_block(
    const char* function,
    BlockShape block,
    int64_t zeros_per_block) {
  TORCH_CHECK_VALUE(
      0 <= zeros_per_block && zeros_per_block <= block.size(),
      function,
      ": expected 0 to ",
      block.size(),
      " zeros per block of shape ",
      block,
      ", got ",
      zeros_per_block);
}

void check_matrix(const char* function, const torch::Tensor& tensor) {
  TORCH_CHECK_VALUE(
      tensor.defined(), function, ": expected a tensor, got an undefined one");
  TORCH_CHECK_VALUE(
      tensor.dim() >= 2,
      function,
      ": expected two or more dimensions, got shape ",
      tensor.sizes());
  TORCH_CHECK_VALUE(
      tensor.numel() > 0,
      function,
      ": expected at least one element, got shape ",
      tensor.sizes());
}

void check_floating(const char* function, const torch::Tensor& tensor) {
  TORCH_CHECK_VALUE(
      tensor.defined(), function, ": expected a tensor, got an undefined one");
  const auto dtype = tensor.scalar_type();
  TORCH_CHECK_VALUE(
      dtype == torch::kFloat || dtype == torch::kDouble ||
          dtype == torch::kHalf || dtype == torch::kBFloat16,
      function,
      ": expected dtype float64, float32, half or bfloat16, got ",
      dtype);
}

Grid grid_of(const torch::Tensor& tensor, BlockShape block) {
  const int64_t h = tensor.size(0);
  const int64_t w = tensor.numel() / h;
  return {h, w, std::min(block.rows, h), std::min(block.cols, w)};
}

torch::Tensor scorable(const torch::Tensor& values) {
  const bool half = values.scalar_type() == torch::kHalf ||
      values.scalar_type() == torch::kBFloat16;
  return half ? values.detach().to(torch::kFloat) : values.detach();
}

bool has_fast_path(const torch::Tensor& values) {
  return values.device().is_cpu() && values.scalar_type() == torch::kFloat;
}

} // namespace coppice::masks
