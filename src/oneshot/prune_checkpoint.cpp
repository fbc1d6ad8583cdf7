#include "coppice/oneshot/prune_checkpoint.h"

#include <torch/utils.h>

#include "oneshot/plan.h"
#include "oneshot/reached.h"
#include "oneshot/rewriting.h"
#include "oneshot/selection.h"

namespace coppice {
namespace {

using oneshot::CheckpointPlan;
using oneshot::ZeroCounts;

PrunedTensor pruned_row_of(
    const StoredTensor& tensor,
    const oneshot::TensorPlan& plan,
    const ZeroCounts& zeros) {
  PrunedTensor row;
  row.name = tensor.name;
  row.dtype = tensor.dtype;
  row.shape = tensor.shape;
  row.elements = tensor.numel();
  row.left_because = plan.left_because;
  row.note = plan.note;
  if (plan.modifier) {
    row.pattern = plan.modifier->pattern;
    row.scope = plan.modifier->scope;
    row.zeros_before = zeros.before;
    row.zeros_after = zeros.after;
  }
  return row;
}

PruneReport report_of(
    const CheckpointPlan& plan,
    const std::vector<ZeroCounts>& zeros) {
  PruneReport report;
  report.from_graph = plan.from_graph;
  report.not_from_graph_because = plan.not_from_graph_because;
  for (size_t i = 0; i < plan.tensors.size(); ++i) {
    report.tensors.push_back(
        pruned_row_of(plan.tensor(i), plan.tensors[i], zeros[i]));
  }
  for (const auto& modifier : *plan.recipe) {
    oneshot::check_reached(modifier, plan.input->state, plan.tensors, report);
  }
  return report;
}

} // namespace

PruneReport prune_checkpoint(
    const Checkpoint& input,
    const Recipe& recipe,
    const std::string& output,
    const PruneOptions& options) {
  const torch::NoGradGuard no_grad;
  for (const auto& modifier : recipe) {
    TORCH_CHECK_VALUE(
        modifier.method == PruneMethod::Magnitude,
        "the recipe prunes by samples, and there are none; give some with "
        "--calibration FILE");
  }
  if (!options.dry_run) {
    require_other_file(output, input);
  }
  const auto plan = oneshot::plan_pruning(input, recipe);
  uint64_t done = 0;
  const oneshot::Advance advance =
      [&, total = oneshot::bytes_to_read(plan)](uint64_t bytes) {
        done += bytes;
        if (options.progress) {
          options.progress(done, total);
        }
      };
  oneshot::CheckpointSelection selection(plan, advance);
  const auto zeros = oneshot::rewrite_checkpoint(
      std::move(selection), options.dry_run ? nullptr : &output, advance);
  return report_of(plan, zeros);
}

} // namespace coppice
