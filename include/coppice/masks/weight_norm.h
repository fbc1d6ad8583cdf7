#pragma once

#include <torch/types.h>

#include <cstdint>

#include "coppice/core/pattern.h"
#include "coppice/export.h"
#include "coppice/masks/norm.h"

namespace coppice {

/// What `weight_norm_mask` drops.
struct WeightNormPattern {
  /// Fraction of blocks to drop; clamped to [0, 1].
  double sparsity_level = 0.5;
  BlockShape sparse_block_shape = {1, 4};
  /// Zeros inside a dropped block, 0 to `sparse_block_shape.size()`.
  int64_t zeros_per_block = 4;
};

/// The mask of WeightNormSparsifier: the `blocks_to_drop` blocks with the
/// lowest mean norm lose their `zeros_per_block` lowest elements.
///
/// Level 0 or no zeros per block keep everything; level 1 with whole blocks
/// drops everything; levels below 1 keep at least one block. Level 1, block (1,
/// 4), two zeros per block is 2:4. Partial blocks at the edges, also a block
/// larger than the matrix, score the mean of the elements they have and lose at
/// most those.
///
/// Shapes: `weight` is [out, ...], seen as [out, rest]: a convolution's weight
///   [out, in, kh, kw] is flattened to [out, in * kh * kw]. The mask has the
///   shape and device of `weight` and dtype kBool; true means keep.
/// Ties: the lower index is dropped.
/// Memory: besides the mask, at most one copy of the weight.
/// Speed: float32 on the CPU uses SIMD kernels on all threads; half and
///   bfloat16 on the CPU are converted to float32 first; all else runs through
///   ATen on its own device.
/// Errors: c10::ValueError if `weight` is empty, has fewer than two dimensions,
///   is not floating or holds NaN or infinity (unless the level or
///   `zeros_per_block` alone decides every element), if the level is NaN, a
///   side of the block is not positive or `zeros_per_block` is not in [0, block
///   size].
/// Source: WeightNormSparsifier of torch.ao.pruning.
COPPICE_API torch::Tensor weight_norm_mask(
    const torch::Tensor& weight,
    const WeightNormPattern& pattern,
    Norm norm = Norm::L2);

/// The same for given scores, one per element: higher means more important.
/// Scores may be negative or infinite; NaN counts as the highest score, for an
/// element as for the mean of its block.
COPPICE_API torch::Tensor weight_norm_mask_of_scores(
    const torch::Tensor& scores,
    const WeightNormPattern& pattern);

} // namespace coppice
