#pragma once

#include <torch/types.h>

#include <cstdint>

#include "coppice/masks/weight_norm.h"

namespace coppice::masks {

/// True for what the kernels edit in place: contiguous float32 on the CPU.
bool is_plain_float(const torch::Tensor& tensor);

/// A weight under a mask; weight and dropped values are `is_plain_float`.
struct MaskedWeight {
  torch::Tensor weight; ///< mask * original, and what was written since.
  /// The values that the mask drops, zero elsewhere; undefined if it drops
  /// none.
  torch::Tensor dropped;
  torch::Tensor mask; ///< In force: kBool, contiguous.
  /// A mask that is no longer needed: the next one takes its memory if that is
  /// enough, as page faults of fresh memory can take longer than computing
  /// the mask. May be undefined.
  torch::Tensor spare;

  /// Moves what was written to dropped entries among the elements [begin, end)
  /// to `dropped`. Threads may do so for ranges that do not overlap.
  void absorb_writes(int64_t begin, int64_t end) const;

  /// The same for all elements, on all threads.
  void absorb_writes() const;
};

/// The next mask: `absorb_writes`, then `weight_norm_mask`, fused where that
/// saves reading the weight twice. `masked.mask` itself where nothing changes
/// and that is seen without writing a mask: for blocks that are dropped whole,
/// and at level 1.
///
/// Errors: as `weight_norm_mask`.
torch::Tensor renewed_mask(
    const MaskedWeight& masked,
    const WeightNormPattern& pattern,
    Norm norm);

} // namespace coppice::masks
