#include "oneshot/planned_report.h"

namespace coppice::oneshot {
namespace {

PrunedTensor planned_row(const StoredTensor& tensor, const TensorPlan& plan) {
  PrunedTensor row;
  row.name = tensor.name;
  row.dtype = tensor.dtype;
  row.shape = tensor.shape;
  row.elements = tensor.numel();
  row.left_because = plan.left_because;
  row.note = plan.note;
  if (plan.modifier != nullptr) {
    row.pattern = plan.modifier->pattern;
    row.scope = plan.modifier->scope;
  }
  return row;
}

} // namespace

PruneReport planned_report(const CheckpointPlan& plan) {
  PruneReport report;
  if (plan.evidence) {
    report.from_graph = plan.evidence->from_graph;
    report.not_from_graph_because = plan.evidence->not_from_graph_because;
  }
  for (size_t i = 0; i < plan.tensors.size(); ++i) {
    report.tensors.push_back(planned_row(plan.tensor(i), plan.tensors[i]));
  }
  return report;
}

} // namespace coppice::oneshot
