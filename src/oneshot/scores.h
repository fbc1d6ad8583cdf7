#pragma once

#include <torch/types.h>

#include <cstdint>
#include <functional>

#include "coppice/io/state_dict.h"
#include "coppice/oneshot/recipe.h"
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

/// The matrix whose elements are scored: the weight times its masks, in its
/// layout.
torch::Tensor scored_matrix(const StoredTensor& tensor, const TensorPlan& plan);

/// Calls `body` for all rows of a matrix in parts of some 16 MB, each but the
/// last a multiple of `multiple` rows.
void for_each_part(
    const torch::Tensor& matrix,
    int64_t multiple,
    const std::function<void(Rows)>& body);

/// The scores of the blocks of `rows` by the modifier's criterion; for single
/// elements their values, which the criterion compares. float64 for float64,
/// else float32.
torch::Tensor scores_of(
    const torch::Tensor& rows,
    const PruneModifier& modifier);

} // namespace coppice::oneshot
