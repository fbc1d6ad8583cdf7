#include "coppice/masks/nearly_diagonal.h"

#include <c10/util/Exception.h>
#include <torch/types.h>
#include <torch/utils.h>

#include <algorithm>

namespace coppice {

torch::Tensor nearly_diagonal_mask(
    const torch::Tensor& weight,
    int64_t nearliness) {
  if (nearliness <= 0) {
    return torch::zeros_like(weight, torch::kBool);
  }
  TORCH_CHECK_VALUE(
      nearliness % 2 == 1,
      "nearly_diagonal_mask: expected an odd nearliness, got ",
      nearliness);
  TORCH_CHECK_VALUE(
      weight.dim() == 2,
      "nearly_diagonal_mask: expected a matrix, got shape ",
      weight.sizes());
  const int64_t reach = nearliness / 2;
  const int64_t shorter = std::min(weight.size(0), weight.size(1));
  TORCH_CHECK_VALUE(
      reach < shorter,
      "nearly_diagonal_mask: expected nearliness / 2 below the shorter side of "
      "shape ",
      weight.sizes(),
      ", got nearliness ",
      nearliness);
  return torch::ones_like(weight, torch::kBool).triu_(-reach).tril_(reach);
}

} // namespace coppice
