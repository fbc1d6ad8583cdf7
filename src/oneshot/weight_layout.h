#pragma once

#include <torch/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "coppice/archive/stored_tensor.h"
#include "graph/weight_uses.h"
#include "oneshot/tensor_name.h"

namespace coppice::oneshot {

/// How a weight is read as a matrix [outputs, inputs].
struct WeightLayout {
  /// The order of its dimensions in the matrix; empty: as stored.
  std::vector<int64_t> order;
  int64_t row_dims = 1; ///< How many of them make up its rows.

  bool is_plain() const {
    return order.empty() && row_dims == 1;
  }
};

/// [in, out, ...]: the first two dimensions swapped.
WeightLayout inputs_first(const StoredTensor& tensor);

/// The layout in which ops read the weight; plain if unknown.
WeightLayout layout_of(const StoredTensor& tensor, const graph::WeightUse& use);

/// Whether a weight seems to be stored as [in, out], by the length of its bias
/// or the names of GPT-2's `Conv1D`.
bool seems_inputs_first(const StoredTensor& tensor, const Neighbours& beside);

/// `weight` as a contiguous matrix; shares its memory where possible.
torch::Tensor as_matrix(
    const torch::Tensor& weight,
    const WeightLayout& layout);

/// The inverse of `as_matrix`, as [shape[0], rest].
torch::Tensor in_stored_order(
    const torch::Tensor& matrix,
    const std::vector<int64_t>& shape,
    const WeightLayout& layout);

} // namespace coppice::oneshot
