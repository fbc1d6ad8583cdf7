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

/// Hands the bytes of a tensor's place to the sink with what the mask drops as
/// +0, and counts zeros (of either sign), those that its masks make included.
/// `mask` is of the tensor as it is stored.
ZeroCounts write_pruned(
    const StoredTensor& tensor,
    const TensorPlan& plan,
    int64_t rows_multiple,
    const PartMask& mask,
    const ByteSink& sink);

} // namespace coppice::oneshot
