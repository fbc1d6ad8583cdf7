#pragma once

#include <torch/types.h>

#include <cstdint>
#include <vector>

#include "coppice/export.h"

namespace coppice {

/// The number of `blocks` blocks that a sparsity level drops: `round(level *
/// blocks)`, half to even, clamped to [0, blocks - 1]; at level 1 and above all
/// of them.
///
/// Source: WeightNormSparsifier.
COPPICE_API int64_t blocks_to_drop(double level, int64_t blocks);

/// Drops the `count` lowest scores, exactly.
///
/// Shapes: `scores` any; the mask has the same shape and dtype kBool; true
///   means keep.
/// Ties: the lower index is dropped, so masks do not depend on thread count.
///   NaN counts as the highest score.
/// Errors: c10::ValueError if `scores` is not floating or `count` is not in
///   [0, scores.numel()].
COPPICE_API torch::Tensor drop_lowest_mask(
    const torch::Tensor& scores,
    int64_t count);

/// One threshold over several tensors: drops the `blocks_to_drop(level, total)`
/// lowest scores of all tensors together.
///
/// Shapes: one mask per tensor, of its shape and dtype kBool.
/// Ties: the earlier tensor, then the lower index, is dropped.
/// Errors: c10::ValueError if a tensor is not floating or the tensors differ in
///   dtype or device.
COPPICE_API std::vector<torch::Tensor> drop_lowest_masks(
    const std::vector<torch::Tensor>& scores,
    double level);

} // namespace coppice
