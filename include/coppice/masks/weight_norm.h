#pragma once

#include <torch/types.h>

#include <cstdint>
#include <functional>

#include "coppice/core/pattern.h"
#include "coppice/masks/norm.h"

namespace coppice {

/// What `weight_norm_mask` drops.
struct WeightNormPattern {
  /// Fraction of blocks that lose something; clamped to [0, 1].
  double sparsity_level = 0.5;
  BlockShape sparse_block_shape = {1, 4};
  /// Zeros inside a dropped block, 0 to `sparse_block_shape.size()`.
  int64_t zeros_per_block = 4;
};

/// Called with ranges [begin, end) of a weight's elements, each before an
/// element of it counts: from several threads, for ranges that do not overlap
/// at one time, at least once for every element but for ranges that are plainly
/// as the mask in force leaves them: zero where it drops, and only there. So a
/// caller can mend a weight while it lies in the cache for scoring, and need
/// not read it once more.
using BeforeScoring = std::function<void(int64_t begin, int64_t end)>;

/// The mask of WeightNormSparsifier: the `blocks_to_drop` blocks with the
/// lowest mean norm lose their `zeros_per_block` lowest elements.
///
/// Level 0 or no zeros per block keep everything; level 1 with whole blocks
/// drops everything; between them one block always survives. Level 1,
/// block (1, 4), two zeros per block is 2:4. Blocks that the shape cuts off
/// score the mean of their real elements and lose at most as many as they have;
/// a block larger than the matrix is such a block.
///
/// Shapes: `weight` is [out, ...], seen as [out, rest]: a convolution's weight
///   [out, in, kh, kw] is flattened to [out, in * kh * kw]. The mask has the
///   shape and device of `weight` and dtype kBool; true means keep.
/// Ties: the lower index is dropped.
/// Memory: besides the mask, at most one copy of the weight.
/// Speed: float32 on the CPU takes SIMD kernels on all threads; half and
///   bfloat16 on the CPU are converted to float32 first; all else runs through
///   ATen on its own device.
/// Errors: c10::ValueError if `weight` is empty, has fewer than two dimensions,
///   is not floating or holds NaN or infinity (unless the level or
///   `zeros_per_block` settles every element), if the level is NaN, a side of
///   the block is not positive or `zeros_per_block` is not in [0, block size].
/// Source: WeightNormSparsifier of torch.ao.pruning.
torch::Tensor weight_norm_mask(
    const torch::Tensor& weight,
    const WeightNormPattern& pattern,
    Norm norm = Norm::L2);

/// The same for a caller that computes masks of a weight again and again:
/// `out`, undefined or a mask that is no longer needed, becomes the mask and
/// gives its memory where that is enough. The system clears every page of fresh
/// memory, which can take longer than computing the mask. Where nothing differs
/// from `present`, the mask that the weight has, `out` mostly becomes `present`
/// itself and no mask is written: for blocks that are dropped whole, and at
/// level 1.
torch::Tensor& weight_norm_mask_out(
    torch::Tensor& out,
    const torch::Tensor& weight,
    const WeightNormPattern& pattern,
    Norm norm = Norm::L2,
    const BeforeScoring& before_scoring = {},
    const torch::Tensor& present = {});

/// The same for scores of the caller's own making, an element each: higher
/// means more important. Scores may be negative or infinite; NaN counts as the
/// highest score, for an element as for the mean of a block that holds one.
torch::Tensor weight_norm_mask_of_scores(
    const torch::Tensor& scores,
    const WeightNormPattern& pattern);

} // namespace coppice
