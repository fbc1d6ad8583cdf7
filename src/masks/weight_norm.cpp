#include "coppice/masks/weight_norm.h"

#include <c10/util/Exception.h>
#include <torch/types.h>
#include <torch/utils.h>

#include <cmath>

#include "masks/aten.h"
#include "masks/cpu.h"
#include "masks/criterion.h"
#include "masks/norm_mask.h"

namespace coppice {
namespace {

using masks::Criterion;
using masks::Grid;

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

/// Errors: c10::ValueError if `weight` holds a value that is not finite.
void check_finite(const char* function, const torch::Tensor& weight) {
  const auto wrong = weight.reshape(-1).isfinite().logical_not_();
  const int64_t count = wrong.sum().item<int64_t>();
  TORCH_CHECK_VALUE(
      count == 0,
      function,
      ": expected finite values, got ",
      count,
      " of ",
      weight.numel(),
      " that are NaN or infinite, the first at index ",
      wrong.to(torch::kByte).argmax().item<int64_t>(),
      " of the flattened weight");
}

/// The mask if level or zeros per block decide every element, else undefined.
torch::Tensor decided_mask(
    const torch::Tensor& tensor,
    const WeightNormPattern& pattern) {
  const auto options = tensor.options().dtype(torch::kBool);
  if (pattern.sparsity_level <= 0 || pattern.zeros_per_block == 0) {
    return torch::ones(tensor.sizes(), options);
  }
  if (pattern.sparsity_level >= 1 && masks::drops_whole_blocks(pattern)) {
    return torch::zeros(tensor.sizes(), options);
  }
  return {};
}

/// The valid `tensor` as the matrix that masks are computed from.
torch::Tensor matrix_of(const torch::Tensor& tensor, const Grid& grid) {
  return masks::scorable(tensor).reshape({grid.h, grid.w}).contiguous();
}

} // namespace

torch::Tensor weight_norm_mask(
    const torch::Tensor& weight,
    const WeightNormPattern& pattern,
    Norm norm) {
  return masks::norm_mask("weight_norm_mask", weight, pattern, norm);
}

torch::Tensor masks::norm_mask(
    const char* function,
    const torch::Tensor& weight,
    const WeightNormPattern& pattern,
    Norm norm,
    const MaskedWeight* masked) {
  check_arguments(function, weight, pattern);
  if (const auto mask = decided_mask(weight, pattern); mask.defined()) {
    if (masked) {
      masked->absorb_writes();
    }
    return mask;
  }
  const auto grid = grid_of(weight, pattern.sparse_block_shape);
  const auto matrix = matrix_of(weight, grid);
  const Criterion& criterion = criterion_of(norm);
  if (has_fast_path(matrix)) {
    const auto checked =
        cpu::weight_norm(matrix, grid, pattern, criterion, masked);
    if (checked.finite) {
      const auto& mask = checked.result;
      // In place: a view would hold its base, which then counts as shared.
      return masked && mask.is_same(masked->mask)
          ? mask
          : mask.resize_(weight.sizes());
    }
  }
  check_finite(function, matrix);
  return aten::weight_norm(matrix, grid, pattern, criterion)
      .reshape(weight.sizes());
}

torch::Tensor weight_norm_mask_of_scores(
    const torch::Tensor& scores,
    const WeightNormPattern& pattern) {
  check_arguments("weight_norm_mask_of_scores", scores, pattern);
  if (const auto mask = decided_mask(scores, pattern); mask.defined()) {
    return mask;
  }
  const auto grid = masks::grid_of(scores, pattern.sparse_block_shape);
  const auto matrix = matrix_of(scores, grid);
  const auto mask = masks::has_fast_path(matrix)
      ? masks::cpu::weight_norm(matrix, grid, pattern, masks::kByValue).result
      : masks::aten::weight_norm(matrix, grid, pattern, masks::kByValue);
  return mask.reshape(scores.sizes());
}

} // namespace coppice
