#pragma once

#include <torch/types.h>

#include "coppice/masks/weight_norm.h"
#include "masks/criterion.h"
#include "masks/grid.h"

/// Masks through ATen's operators: any device, float64 or float32. The
/// reference that the kernels equal bit for bit. Callers check arguments.
namespace coppice::masks::aten {

/// Means of blocks: [h, w] -> [block_rows, block_cols]. Sums run row by row,
/// one element after the other; a row of four is (a + b) + (c + d).
torch::Tensor block_scores(const torch::Tensor& matrix, const Grid& grid);

/// Masks of blocks to elements: [block_rows, block_cols] -> [h, w].
torch::Tensor expand_blocks(const torch::Tensor& block_mask, const Grid& grid);

/// Drops the `zeros` lowest elements of every block: [h, w] -> [h, w] kBool.
torch::Tensor
zeros_in_blocks(const torch::Tensor& matrix, const Grid& grid, int64_t zeros);

/// Drops the `count` lowest scores; ties drop the lower index, NaN is last.
torch::Tensor drop_lowest(const torch::Tensor& scores, int64_t count);

/// The mask, unless level or zeros per block decide every element.
torch::Tensor weight_norm(
    const torch::Tensor& matrix,
    const Grid& grid,
    const WeightNormPattern& pattern,
    const Criterion& criterion);

} // namespace coppice::masks::aten
