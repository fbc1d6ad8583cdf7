#include "coppice/oneshot/prune_checkpoint.h"

#include <torch/utils.h>

#include "archive/byte_reader.h"
#include "oneshot/plan.h"
#include "oneshot/planned_report.h"
#include "oneshot/reached.h"
#include "oneshot/rewriting.h"
#include "oneshot/selection.h"

namespace coppice {
namespace {

using oneshot::CheckpointPlan;
using oneshot::ZeroCounts;

PruneReport report_of(
    const CheckpointPlan& plan,
    const std::vector<ZeroCounts>& zeros) {
  auto report = oneshot::planned_report(plan);
  for (size_t i = 0; i < zeros.size(); ++i) {
    report.tensors[i].zeros_before = zeros[i].before;
    report.tensors[i].zeros_after = zeros[i].after;
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
        "the recipe prunes by samples, but none are given; give some with "
        "--calibration FILE");
    TORCH_CHECK_VALUE(
        modifier.allocation == Allocation::Uniform,
        "levels are allocated to the layers that samples run through, and "
        "there are none; give some with --calibration FILE");
  }
  if (!options.dry_run) {
    require_other_file(output, input);
  }
  const auto* danger = dangerous_code(input);
  TORCH_CHECK_VALUE(
      !danger || options.keep_code || options.dry_run,
      input.files[0]->path(),
      ": names ",
      danger ? archive::quoted(danger->name) : "",
      ", which ",
      danger ? danger->danger : "",
      " when Python loads the file, and so would the copy; see `coppice "
      "inspect`, and give --keep-code if you trust it");
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
