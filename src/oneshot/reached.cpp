#include "oneshot/reached.h"

namespace coppice::oneshot {

int64_t blocks_of(
    const StoredTensor& tensor,
    const WeightLayout& layout,
    BlockShape block) {
  const auto up = [](int64_t a, int64_t b) { return (a + b - 1) / b; };
  int64_t rows = 1;
  for (int64_t i = 0; i < layout.row_dims; ++i) {
    rows *= tensor.shape[layout.order.empty() ? i : layout.order[i]];
  }
  return up(rows, block.rows) * up(tensor.numel() / rows, block.cols);
}

void check_reached(
    const PruneModifier& modifier,
    const StateDict& state,
    const std::vector<TensorPlan>& plans,
    PruneReport& report) {
  const auto block = modifier.pattern.sparse_block_shape;
  const double asked_a_block =
      modifier.pattern.sparsity_level * modifier.pattern.zeros_per_block;
  const auto reaches = [&](double zeros, double elements, double blocks) {
    const double missing = blocks * block.size() - elements;
    return zeros + missing + block.size() / 2.0 >= asked_a_block * blocks;
  };
  double zeros = 0;
  double elements = 0;
  double blocks = 0;
  for (size_t i = 0; i < plans.size(); ++i) {
    if (plans[i].modifier != &modifier) {
      continue;
    }
    auto& row = report.tensors[i];
    const auto own = static_cast<double>(
        blocks_of(state.tensors[i], plans[i].layout, block));
    if (modifier.scope == Scope::Tensor) {
      row.reached = reaches(row.zeros_after, row.elements, own);
      report.reached &= row.reached;
    }
    zeros += row.zeros_after;
    elements += row.elements;
    blocks += own;
  }
  report.reached &=
      modifier.scope == Scope::Tensor || reaches(zeros, elements, blocks);
}

} // namespace coppice::oneshot
