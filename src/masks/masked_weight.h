#pragma once

#include <torch/types.h>

#include <cstdint>

#include "coppice/masks/weight_norm.h"

namespace coppice::masks {

/// Whether the kernels can edit `tensor` in place: contiguous float32 on the
/// CPU.
bool is_plain_float(const torch::Tensor& tensor);

/// A weight under a mask; weight and dropped values are `is_plain_float`.
struct MaskedWeight {
  torch::Tensor weight; ///< mask * original, and later writes.
  /// The dropped values, zero elsewhere; undefined if there are none.
  torch::Tensor dropped;
  torch::Tensor mask; ///< The current mask: kBool, contiguous.
  /// An unused mask. The next one takes its memory if it is large enough, as
  /// page faults of new memory can take longer than computing the mask. May be
  /// undefined.
  torch::Tensor spare;

  /// Moves values written to dropped entries in [begin, end) to `dropped`.
  /// Thread-safe for ranges that do not overlap.
  void absorb_writes(int64_t begin, int64_t end) const;

  /// The same for all elements, on all threads.
  void absorb_writes() const;
};

/// The next mask: `absorb_writes`, then `weight_norm_mask`, fused where that
/// avoids a second pass over the weight. Returns `masked.mask` where the mask
/// is known to be the same without writing one: for whole blocks, and at level
/// 1.
///
/// Errors: as `weight_norm_mask`.
torch::Tensor renewed_mask(
    const MaskedWeight& masked,
    const WeightNormPattern& pattern,
    Norm norm);

} // namespace coppice::masks
