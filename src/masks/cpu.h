#pragma once

#include <torch/types.h>

#include "coppice/masks/weight_norm.h"
#include "masks/criterion.h"
#include "masks/grid.h"
#include "masks/mask_writer.h"
#include "masks/masked_weight.h"

/// Masks by the kernels: contiguous float32 on the CPU, on all threads. Shapes
/// and results equal those of masks/aten.h bit for bit. With `masked`, whose
/// weight the values are, functions absorb its writes before they read an
/// element, and may return its mask.
namespace coppice::masks::cpu {

/// A result, and whether all values read are finite.
struct Checked {
  torch::Tensor result;
  bool finite = true;
};

Checked block_scores(
    const torch::Tensor& matrix,
    const Grid& grid,
    kernels::Measure measure);

torch::Tensor expand_blocks(const torch::Tensor& block_mask, const Grid& grid);

Checked zeros_in_blocks(
    const torch::Tensor& matrix,
    const Grid& grid,
    int64_t zeros,
    kernels::Order order,
    const MaskedWeight* masked = nullptr);

Checked drop_lowest(
    const torch::Tensor& scores,
    int64_t count,
    kernels::Order order,
    const MaskedWeight* masked = nullptr);

/// The mask, unless level or zeros per block decide every element; undefined if
/// the criterion is by magnitude and a value is not finite.
Checked weight_norm(
    const torch::Tensor& matrix,
    const Grid& grid,
    const WeightNormPattern& pattern,
    const Criterion& criterion,
    const MaskedWeight* masked = nullptr);

int64_t count_zeros(const torch::Tensor& values);

bool all_finite(const torch::Tensor& values);

} // namespace coppice::masks::cpu
