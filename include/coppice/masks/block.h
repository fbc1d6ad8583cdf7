#pragma once

#include <torch/types.h>

#include "coppice/core/pattern.h"
#include "coppice/export.h"

namespace coppice {

/// The mean of every block.
///
/// Shapes: `values` is [h, ...], seen as [h, rest]; the result is [ceil(h /
///   rows), ceil(rest / cols)]. Partial blocks at the edges, also a block
///   larger than the matrix, are averaged over the elements that they have.
/// Dtype: float64 for float64 values, else float32. Sums run in one fixed
///   order, so results do not depend on threads or instruction sets: a row of a
///   block with four columns adds (a + b) + (c + d), any other row from left to
///   right; rows add from top to bottom.
/// Errors: c10::ValueError if `values` is empty, has fewer than two dimensions
///   or is not floating, or a side of the block is not positive.
/// Source: WeightNormSparsifier, the newest reference (ceil-mode pooling).
COPPICE_API torch::Tensor block_scores(
    const torch::Tensor& values,
    BlockShape block);

/// Expands the mask of blocks to a mask of elements.
///
/// Shapes: `block_mask` is [ceil(h / rows), ceil(rest / cols)], the result
///   [h, rest], both kBool.
/// Errors: c10::ValueError if `block_mask` has another shape or dtype.
COPPICE_API torch::Tensor expand_blocks(
    const torch::Tensor& block_mask,
    BlockShape block,
    int64_t h,
    int64_t rest);

/// Drops the `zeros_per_block` lowest values of every block; a partial block
/// with fewer elements loses all of them.
///
/// Shapes: `values` is [h, ...]; the mask has the same shape and dtype kBool;
///   true means keep.
/// Ties: the lower index (row-major inside the block) is dropped. NaN is
///   dropped last.
/// Errors: as `block_scores`, and c10::ValueError if `zeros_per_block` is not
///   in [0, block.size()].
COPPICE_API torch::Tensor zeros_in_blocks_mask(
    const torch::Tensor& values,
    BlockShape block,
    int64_t zeros_per_block);

} // namespace coppice
