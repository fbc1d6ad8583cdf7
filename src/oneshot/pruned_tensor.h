#pragma once

#include <torch/types.h>

#include <cstdint>
#include <functional>

#include "coppice/archive/stored_tensor.h"
#include "io/rewrite.h"
#include "oneshot/plan.h"

namespace coppice::oneshot {

/// Rows [begin, end) of a matrix.
struct Rows {
  int64_t begin = 0;
  int64_t end = 0;
};

/// A weight as a contiguous matrix [out, rest]; shares the file's memory if the
/// weight is contiguous there.
torch::Tensor matrix_of(const StoredTensor& tensor);

/// What a planned tensor is scored by: the weight that its masks leave, as the
/// matrix that its layout makes of it.
torch::Tensor scored_matrix(const StoredTensor& tensor, const TensorPlan& plan);

/// Calls `body` for all rows of a matrix in parts of some 16 MB, each but the
/// last a multiple of `multiple` rows.
void for_each_part(
    const torch::Tensor& matrix,
    int64_t multiple,
    const std::function<void(Rows)>& body);

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
