#pragma once

#include <torch/types.h>

#include <cstdint>
#include <functional>
#include <map>

#include "masks/streamed_cut.h"
#include "oneshot/plan.h"
#include "oneshot/pruned_tensor.h"

namespace coppice::oneshot {

/// Called with the bytes of tensors read or written since the last call.
using Advance = std::function<void(uint64_t bytes)>;

/// The second step: which blocks of a plan's tensors are dropped. The
/// constructor finds the thresholds of scope `Global`; masks are computed on
/// demand, so that one tensor is in memory at a time.
class CheckpointSelection {
 public:
  /// Refers to the plan.
  ///
  /// Errors: c10::ValueError if a weight holds NaN or infinity.
  CheckpointSelection(const CheckpointPlan& plan, Advance advance);

  const CheckpointPlan& plan() const {
    return plan_;
  }
  /// The mask of the plan's tensor `i`. Call it once per tensor: a global
  /// threshold drops ties of earlier calls first.
  ///
  /// Errors: c10::ValueError if the weight holds NaN or infinity.
  PartMask mask_of(size_t i);

 private:
  masks::StreamedCut find_cut(const PruneModifier& modifier) const;
  torch::Tensor global_mask(
      const torch::Tensor& rows,
      const PruneModifier& modifier);
  torch::Tensor whole_mask(size_t i, const torch::Tensor& matrix);

  const CheckpointPlan& plan_;
  Advance advance_;
  std::map<const PruneModifier*, masks::StreamedCut> cuts_;
};

/// The bytes that selection and rewriting of the plan will report to `Advance`.
uint64_t bytes_to_read(const CheckpointPlan& plan);

} // namespace coppice::oneshot
