#include "coppice/masks/block.h"

#include <c10/util/Exception.h>

#include <algorithm>

#include "masks/aten.h"
#include "masks/cpu.h"

namespace coppice {

torch::Tensor block_scores(const torch::Tensor& values, BlockShape block) {
  masks::check_block("block_scores", block);
  masks::check_matrix("block_scores", values);
  masks::check_floating("block_scores", values);
  const auto grid = masks::grid_of(values, block);
  const auto matrix = masks::scorable(values).reshape({grid.h, grid.w});
  if (masks::has_fast_path(matrix)) {
    return masks::cpu::block_scores(
               matrix.contiguous(), grid, kernels::Measure::kValue)
        .result;
  }
  return masks::aten::block_scores(matrix, grid);
}

torch::Tensor expand_blocks(
    const torch::Tensor& block_mask,
    BlockShape block,
    int64_t h,
    int64_t rest) {
  masks::check_block("expand_blocks", block);
  TORCH_CHECK_VALUE(
      h > 0 && rest > 0,
      "expand_blocks: expected positive sizes, got ",
      h,
      " and ",
      rest);
  const masks::Grid grid{
      h, rest, std::min(block.rows, h), std::min(block.cols, rest)};
  TORCH_CHECK_VALUE(
      block_mask.sizes() ==
          torch::IntArrayRef({grid.block_rows(), grid.block_cols()}),
      "expand_blocks: expected a mask of shape [",
      grid.block_rows(),
      ", ",
      grid.block_cols(),
      "], got ",
      block_mask.sizes());
  TORCH_CHECK_VALUE(
      block_mask.scalar_type() == torch::kBool,
      "expand_blocks: expected a mask of dtype bool, got ",
      block_mask.scalar_type());
  return block_mask.device().is_cpu()
      ? masks::cpu::expand_blocks(block_mask.contiguous(), grid)
      : masks::aten::expand_blocks(block_mask, grid);
}

torch::Tensor zeros_in_blocks_mask(
    const torch::Tensor& values,
    BlockShape block,
    int64_t zeros_per_block) {
  masks::check_block("zeros_in_blocks_mask", block);
  masks::check_zeros_per_block("zeros_in_blocks_mask", block, zeros_per_block);
  masks::check_matrix("zeros_in_blocks_mask", values);
  masks::check_floating("zeros_in_blocks_mask", values);
  const auto grid = masks::grid_of(values, block);
  const int64_t zeros = std::min(zeros_per_block, grid.block_size());
  const auto matrix = masks::scorable(values).reshape({grid.h, grid.w});
  const auto mask = masks::has_fast_path(matrix)
      ? masks::cpu::zeros_in_blocks(
            matrix.contiguous(), grid, zeros, kernels::Order::kValue)
            .result
      : masks::aten::zeros_in_blocks(matrix, grid, zeros);
  return mask.reshape(values.sizes());
}

} // namespace coppice
