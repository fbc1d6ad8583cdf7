#include "masks/aten.h"

#include <torch/types.h>
#include <torch/utils.h>

#include <algorithm>

#include "coppice/masks/select.h"
#include "masks/norm_mask.h"

namespace coppice::masks::aten {
namespace {

/// `matrix` padded to whole blocks, seen as [block_rows, rows, block_cols,
/// cols].
torch::Tensor
tiles(const torch::Tensor& matrix, const Grid& grid, double padding) {
  const int64_t bottom = grid.block_rows() * grid.rows - grid.h;
  const int64_t right = grid.block_cols() * grid.cols - grid.w;
  const auto whole = grid.divides()
      ? matrix
      : at::constant_pad_nd(matrix, {0, right, 0, bottom}, padding);
  return whole.reshape(
      {grid.block_rows(), grid.rows, grid.block_cols(), grid.cols});
}

/// The inverse of `tiles`.
torch::Tensor untiled(const torch::Tensor& tiles, const Grid& grid) {
  return tiles
      .reshape({grid.block_rows() * grid.rows, grid.block_cols() * grid.cols})
      .slice(0, 0, grid.h)
      .slice(1, 0, grid.w)
      .contiguous();
}

/// The number of `length` elements in each block of `size`.
torch::Tensor block_lengths(
    int64_t length,
    int64_t size,
    const torch::TensorOptions& options) {
  return (length - torch::arange(0, length, size, options)).clamp_max(size);
}

/// Sums the blocks of `x`, which `tiles` returned, in the fixed order.
torch::Tensor sum_of_blocks(const torch::Tensor& x, const Grid& grid) {
  const auto element = [&](int64_t r, int64_t c) {
    return x.select(3, c).select(1, r);
  };
  auto sum = torch::zeros({grid.block_rows(), grid.block_cols()}, x.options());
  for (int64_t r = 0; r < grid.rows; ++r) {
    if (grid.cols == 4) {
      sum += (element(r, 0) + element(r, 1)) + (element(r, 2) + element(r, 3));
      continue;
    }
    for (int64_t c = 0; c < grid.cols; ++c) {
      sum += element(r, c);
    }
  }
  return sum;
}

/// The mask that drops the `count` lowest of every row of `values`. The sort is
/// stable: the lower index is dropped first. NaN sorts last, and elements
/// marked by `is_padding`, if defined, after it.
torch::Tensor drop_lowest_of_rows(
    const torch::Tensor& values,
    int64_t count,
    const torch::Tensor& is_padding = {}) {
  auto order = std::get<1>(
      values.sort(/*stable=*/true, /*dim=*/1, /*descending=*/false));
  if (is_padding.defined()) {
    const auto padding = is_padding.gather(1, order);
    order = order.gather(1, padding.argsort(/*stable=*/true, /*dim=*/1));
  }
  return torch::ones_like(values, torch::kBool)
      .scatter_(1, order.narrow(1, 0, count), false);
}

} // namespace

torch::Tensor block_scores(const torch::Tensor& matrix, const Grid& grid) {
  const auto sum = sum_of_blocks(tiles(matrix, grid, 0), grid);
  const auto heights = block_lengths(grid.h, grid.rows, matrix.options());
  const auto widths = block_lengths(grid.w, grid.cols, matrix.options());
  return sum / (heights.unsqueeze(1) * widths);
}

torch::Tensor expand_blocks(const torch::Tensor& block_mask, const Grid& grid) {
  const auto tiled = block_mask.unsqueeze(1).unsqueeze(3).expand(
      {grid.block_rows(), grid.rows, grid.block_cols(), grid.cols});
  return untiled(tiled, grid);
}

torch::Tensor
zeros_in_blocks(const torch::Tensor& matrix, const Grid& grid, int64_t zeros) {
  const auto blocked = [&](const torch::Tensor& m, double padding) {
    return tiles(m, grid, padding)
        .transpose(1, 2)
        .reshape({grid.blocks(), grid.block_size()});
  };
  const auto padding = grid.divides()
      ? torch::Tensor()
      : blocked(torch::zeros_like(matrix), 1).to(torch::kByte);
  const auto kept = drop_lowest_of_rows(blocked(matrix, 0), zeros, padding);
  return untiled(
      kept.reshape({grid.block_rows(), grid.block_cols(), grid.rows, grid.cols})
          .transpose(1, 2),
      grid);
}

torch::Tensor drop_lowest(const torch::Tensor& scores, int64_t count) {
  // kthvalue needs less memory, but quadratic time on descending values.
  return drop_lowest_of_rows(scores.reshape({1, -1}), count)
      .reshape(scores.sizes());
}

torch::Tensor weight_norm(
    const torch::Tensor& matrix,
    const Grid& grid,
    const WeightNormPattern& pattern,
    const Criterion& criterion) {
  const auto ordered =
      criterion.order == kernels::Order::kMagnitude ? matrix.abs() : matrix;
  const auto scores = grid.block_size() == 1
      ? ordered
      : block_scores(criterion.scores(matrix), grid);
  const int64_t drop = blocks_to_drop(pattern.sparsity_level, grid.blocks());
  const auto kept = expand_blocks(drop_lowest(scores, drop), grid);
  if (drops_whole_blocks(pattern)) {
    return kept;
  }
  const int64_t zeros = std::min(pattern.zeros_per_block, grid.block_size());
  return kept.logical_or(zeros_in_blocks(ordered, grid, zeros));
}

} // namespace coppice::masks::aten
