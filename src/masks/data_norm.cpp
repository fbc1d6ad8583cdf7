#include "coppice/masks/data_norm.h"

#include <c10/util/Exception.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>

#include "masks/grid.h"
#include "masks/norm_mask.h"

namespace coppice {
namespace {

constexpr const char* kFunction = "data_norm_mask";

/// `data` as a matrix without dimensions of one element.
torch::Tensor matrix_of(const torch::Tensor& data) {
  TORCH_CHECK_VALUE(
      data.defined() && data.numel() > 0,
      kFunction,
      ": expected a tensor of at least one element, got ",
      data.defined() ? c10::str("shape ", data.sizes()) : "an undefined one");
  const auto squeezed = data.squeeze();
  TORCH_CHECK_VALUE(
      squeezed.dim() <= 2,
      kFunction,
      ": expected at most two dimensions of more than one element, got shape ",
      data.sizes());
  return squeezed.dim() == 2 ? squeezed : squeezed.reshape({1, data.numel()});
}

/// A level that drops a whole number of blocks. `blocks_to_drop` keeps the last
/// block only below level 1, so here it may drop all.
double level_of_whole_blocks(double level, int64_t blocks) {
  const auto count = static_cast<double>(blocks);
  // nearbyint rounds half to even, as Python's round does.
  return std::nearbyint(std::clamp(level, 0.0, 1.0) * count) / count;
}

} // namespace

torch::Tensor data_norm_mask(
    const torch::Tensor& data,
    const WeightNormPattern& pattern,
    Norm norm) {
  const auto& block = pattern.sparse_block_shape;
  masks::check_block(kFunction, block);
  masks::check_zeros_per_block(kFunction, block, pattern.zeros_per_block);
  const auto matrix = matrix_of(data);
  WeightNormPattern rounded = pattern;
  rounded.sparsity_level = level_of_whole_blocks(
      pattern.sparsity_level, masks::grid_of(matrix, block).blocks());
  const auto mask = masks::norm_mask(kFunction, matrix, rounded, norm);
  // In place: a view would hold its base, which then counts as shared.
  return mask.resize_(data.sizes());
}

} // namespace coppice
