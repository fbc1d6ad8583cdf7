#include "coppice/masks/weight_norm.h"

#include <c10/util/Exception.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>

#include "coppice/masks/select.h"
#include "masks/aten.h"

namespace coppice {
namespace {

void check_arguments(
    const char* function,
    const torch::Tensor& tensor,
    const WeightNormPattern& pattern) {
  TORCH_CHECK_VALUE(
      !std::isnan(pattern.sparsity_level),
      function,
      ": expected a number as sparsity level, got NaN");
  masks::check_block(function, pattern.sparse_block_shape);
  masks::check_zeros_per_block(
      function, pattern.sparse_block_shape, pattern.zeros_per_block);
  masks::check_matrix(function, tensor);
  masks::check_floating(function, tensor);
}

void check_finite(const torch::Tensor& weight) {
  const auto wrong = weight.reshape(-1).isfinite().logical_not_();
  const int64_t count = wrong.sum().item<int64_t>();
  if (count == 0) {
    return;
  }
  TORCH_CHECK_VALUE(
      false,
      "weight_norm_mask: expected finite values, got ",
      count,
      " of ",
      weight.numel(),
      " that are NaN or infinite, the first at index ",
      wrong.to(torch::kByte).argmax().item<int64_t>(),
      " of the flattened weight");
}

bool keeps_everything(const WeightNormPattern& pattern) {
  return pattern.sparsity_level <= 0 || pattern.zeros_per_block == 0;
}

bool drops_whole_blocks(const WeightNormPattern& pattern) {
  return pattern.zeros_per_block == pattern.sparse_block_shape.size();
}

/// The mask where neither level nor zeros per block settle it.
torch::Tensor mask_of(
    const torch::Tensor& matrix,
    const torch::Tensor& scores,
    const masks::Grid& grid,
    const WeightNormPattern& pattern) {
  namespace aten = masks::aten;
  const int64_t drop = blocks_to_drop(pattern.sparsity_level, grid.blocks());
  const auto block_mask = aten::drop_lowest(scores, drop);
  const auto kept = aten::expand_blocks(block_mask, grid);
  if (drops_whole_blocks(pattern)) {
    return kept;
  }
  const int64_t zeros = std::min(pattern.zeros_per_block, grid.block_size());
  return kept.logical_or(aten::zeros_in_blocks(matrix, grid, zeros));
}

torch::Tensor settled_mask(
    const torch::Tensor& tensor,
    const WeightNormPattern& pattern) {
  const auto options = tensor.options().dtype(torch::kBool);
  return keeps_everything(pattern) ? torch::ones(tensor.sizes(), options)
                                   : torch::zeros(tensor.sizes(), options);
}

bool is_settled(const WeightNormPattern& pattern) {
  return keeps_everything(pattern) ||
      (pattern.sparsity_level >= 1 && drops_whole_blocks(pattern));
}

}  // namespace

torch::Tensor weight_norm_mask(
    const torch::Tensor& weight,
    const WeightNormPattern& pattern,
    Norm norm) {
  check_arguments("weight_norm_mask", weight, pattern);
  if (is_settled(pattern)) {
    return settled_mask(weight, pattern);
  }
  const auto grid = masks::grid_of(weight, pattern.sparse_block_shape);
  const auto matrix = masks::scorable(weight).reshape({grid.h, grid.w});
  check_finite(matrix);
  // Magnitudes order single elements as their squares do, without underflow.
  const auto magnitude = matrix.abs();
  const auto scores = grid.block_size() == 1
      ? magnitude
      : masks::aten::block_scores(elementwise_norm(matrix, norm), grid);
  return mask_of(magnitude, scores, grid, pattern).reshape(weight.sizes());
}

torch::Tensor weight_norm_mask_of_scores(
    const torch::Tensor& scores,
    const WeightNormPattern& pattern) {
  check_arguments("weight_norm_mask_of_scores", scores, pattern);
  if (is_settled(pattern)) {
    return settled_mask(scores, pattern);
  }
  const auto grid = masks::grid_of(scores, pattern.sparse_block_shape);
  const auto matrix = masks::scorable(scores).reshape({grid.h, grid.w});
  return mask_of(matrix, masks::aten::block_scores(matrix, grid), grid, pattern)
      .reshape(scores.sizes());
}

}  // namespace coppice
