#include "oneshot/sampled_report.h"

#include "oneshot/planned_report.h"

namespace coppice::oneshot {
namespace {

int64_t zeros_of(const torch::Tensor& tensor) {
  return tensor.eq(0).sum().item<int64_t>();
}

/// Each row, block of columns or group that is compared on its own may round
/// down.
bool has_reached(const PruneModifier& rule, const PrunedTensor& row) {
  const auto block = rule.pattern.sparse_block_shape;
  const double asked = rule.pattern.sparsity_level *
      static_cast<double>(rule.pattern.zeros_per_block) /
      static_cast<double>(block.size()) * static_cast<double>(row.elements);
  const double columns =
      static_cast<double>(row.elements) / static_cast<double>(row.shape[0]);
  // At most one for each row, block of columns and group.
  const double apart = static_cast<double>(row.shape[0]) +
      columns / static_cast<double>(rule.block_size) + 1;
  return static_cast<double>(row.zeros_after) +
      apart * static_cast<double>(block.size()) >=
      asked;
}

} // namespace

void add_tensors(const SampledTargets& targets, SampledReport& report) {
  report.pruned = planned_report(targets.plan());
  report.tensors.resize(report.pruned.tensors.size());
  for (size_t i = 0; i < targets.all().size(); ++i) {
    const auto& target = targets.all()[i];
    if (!target.pruned.defined()) {
      continue;
    }
    auto& row = report.pruned.tensors[target.index];
    row.pattern = target.rule.pattern;
    row.zeros_before = zeros_of(target.dense);
    row.zeros_after = zeros_of(target.pruned);
    row.reached = has_reached(targets.modifier(i), row);
    report.pruned.reached &= row.reached;
    SampledTensor sampled;
    sampled.method = targets.modifier(i).method;
    sampled.dampening = target.dampening;
    sampled.dead_inputs = target.dead_inputs;
    if (target.outputs > 0) {
      sampled.error = target.error / target.outputs;
    }
    report.tensors[target.index] = sampled;
  }
}

} // namespace coppice::oneshot
