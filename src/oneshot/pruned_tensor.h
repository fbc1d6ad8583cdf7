#pragma once

#include <torch/types.h>

#include <cstdint>
#include <functional>

#include "coppice/archive/stored_tensor.h"
#include "io/rewrite.h"
#include "oneshot/plan.h"
#include "oneshot/scores.h"

namespace coppice::oneshot {

/// The mask of some rows of a tensor: kBool, contiguous, true means keep.
using PartMask = std::function<torch::Tensor(Rows)>;

struct ZeroCounts {
  int64_t before = 0;
  int64_t after = 0;
};

/// Writes the bytes of a tensor to the sink, dropped values as +0, and counts
/// zeros of either sign, after the model's own masks. `mask` has the tensor's
/// stored order.
ZeroCounts write_pruned(
    const StoredTensor& tensor,
    const TensorPlan& plan,
    int64_t rows_multiple,
    const PartMask& mask,
    const ByteSink& sink);

} // namespace coppice::oneshot
