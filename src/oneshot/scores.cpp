#include "oneshot/scores.h"

#include <torch/utils.h>

#include <algorithm>

#include "coppice/masks/block.h"
#include "coppice/model/torch_tensors.h"
#include "masks/criterion.h"
#include "oneshot/pruning_masks.h"
#include "oneshot/weight_layout.h"

namespace coppice::oneshot {
namespace {

constexpr int64_t kPartElements = int64_t(1) << 22;

} // namespace

torch::Tensor matrix_of(const StoredTensor& tensor) {
  const auto whole = as_tensor(tensor);
  return whole.reshape({whole.size(0), whole.numel() / whole.size(0)})
      .contiguous();
}

torch::Tensor scored_matrix(
    const StoredTensor& tensor,
    const TensorPlan& plan) {
  return as_matrix(effective_weight(tensor, plan.masks), plan.layout);
}

void for_each_part(
    const torch::Tensor& matrix,
    int64_t multiple,
    const std::function<void(Rows)>& body) {
  const int64_t rows = matrix.size(0);
  const int64_t fitting = kPartElements / std::max<int64_t>(1, matrix.size(1));
  const int64_t step = std::max<int64_t>(1, fitting / multiple) * multiple;
  for (int64_t begin = 0; begin < rows; begin += step) {
    body({begin, std::min(rows, begin + step)});
  }
}

torch::Tensor scores_of(
    const torch::Tensor& rows,
    const PruneModifier& modifier) {
  const auto block = modifier.pattern.sparse_block_shape;
  const auto values =
      rows.scalar_type() == torch::kDouble ? rows : rows.to(torch::kFloat);
  return block.size() == 1
      ? values
      : block_scores(masks::criterion_of(modifier.norm).scores(values), block);
}

} // namespace coppice::oneshot
