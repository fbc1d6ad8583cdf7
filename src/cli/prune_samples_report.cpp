#include "cli/prune_samples_report.h"

#include <coppice/report/table.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "cli/prune_report.h"
#include "oneshot/solve_layer.h"

namespace coppice::cli {
namespace {

using calibration::OutputChange;
using oneshot::SampledReport;
using oneshot::SampledTensor;
using Json = nlohmann::ordered_json;

std::string notes_of(const PrunedTensor& tensor, const SampledTensor& sampled) {
  std::vector<std::string> notes;
  if (sampled.dead_inputs > 0) {
    notes.push_back(fmt::format("{} inputs always 0", sampled.dead_inputs));
  }
  if (!tensor.note.empty()) {
    notes.push_back(tensor.note);
  }
  return fmt::format("{}", fmt::join(notes, "; "));
}

std::vector<Cell> row_of(
    const PrunedTensor& tensor,
    const std::optional<SampledTensor>& sampled) {
  std::vector<Cell> row{
      tensor.name,
      fmt::format("{}", fmt::join(tensor.shape, "x")),
      std::string(dtype_name(tensor.dtype))};
  if (!sampled) {
    row.insert(
        row.end(),
        {Cell(),
         Cell(),
         Cell(),
         Cell(),
         Cell(),
         "left: " + tensor.left_because,
         tensor.note});
    return row;
  }
  row.push_back(oneshot::method_name(sampled->method) + " " + asked_of(tensor));
  row.push_back(share_of(tensor.zeros_before, tensor));
  row.push_back(share_of(tensor.zeros_after, tensor));
  row.push_back(sampled->error ? Cell(*sampled->error) : Cell());
  row.push_back(
      sampled->dampening > 0 ? Cell(fmt::format("{:g}", sampled->dampening))
                             : Cell());
  row.push_back(std::string(tensor.reached ? "pruned" : "not reached"));
  row.push_back(notes_of(tensor, *sampled));
  return row;
}

Table table_of(const SampledReport& report) {
  Table table{
      {{"name", "tensor"},
       {"shape", "shape"},
       {"dtype", "dtype"},
       {"asked", "asked"},
       {"before", "zeros before", CellFormat::kPercent},
       {"after", "after", CellFormat::kPercent},
       {"error", "output error", CellFormat::kPercent},
       {"dampening", "damped"},
       {"result", "result"},
       {"note", "note"}},
      {}};
  const auto& tensors = report.pruned.tensors;
  bool has_notes = false;
  for (size_t i = 0; i < tensors.size(); ++i) {
    table.rows.push_back(row_of(tensors[i], report.tensors[i]));
    has_notes = has_notes || table.rows.back().back() != Cell(std::string());
  }
  if (!has_notes) {
    table.columns.pop_back();
    for (auto& row : table.rows) {
      row.pop_back();
    }
  }
  return table;
}

std::string change_text(const calibration::OutputChange& change) {
  std::vector<std::string> parts;
  if (change.accuracy_before && change.accuracy_after) {
    parts.push_back(fmt::format(
        "accuracy {:.2f}% before, {:.2f}% after",
        100 * *change.accuracy_before,
        100 * *change.accuracy_after));
  }
  if (change.agreement) {
    parts.push_back(fmt::format(
        "{:.2f}% of decisions are the same", 100 * *change.agreement));
  }
  if (change.divergence) {
    parts.push_back(fmt::format("KL {:.4f} nats", *change.divergence));
  }
  parts.push_back(
      fmt::format("relative error {:.2f}%", 100 * change.relative_error));
  return fmt::format(
      "On {} samples {}: {}.\n",
      change.samples,
      change.is_held_back
          ? "that were held back"
          : "that were also used for calibration, so optimistic",
      fmt::join(parts, ", "));
}

Json number_or_null(const std::optional<double>& number) {
  return number ? Json(*number) : Json();
}

Json change_json(const calibration::OutputChange& change) {
  return {
      {"samples", change.samples},
      {"held_back", change.is_held_back},
      {"relative_error", change.relative_error},
      {"agreement", number_or_null(change.agreement)},
      {"kl", number_or_null(change.divergence)},
      {"accuracy_before", number_or_null(change.accuracy_before)},
      {"accuracy_after", number_or_null(change.accuracy_after)}};
}

} // namespace

std::string work_text(const oneshot::SampledWork& work) {
  return fmt::format(
      "{} weights, {} samples to calibrate and {} held back; {} {} over them, "
      "up to {:.1f} MB of second moments at once, about {:.1f} MB for a "
      "batch{}.{}",
      work.layers,
      work.samples,
      work.held_back,
      work.passes,
      work.passes == 1 ? "pass" : "passes",
      static_cast<double>(work.moments_bytes) / 1e6,
      static_cast<double>(work.batch_bytes) / 1e6,
      work.scratch_bytes == 0
          ? ""
          : fmt::format(
                ", {:.1f} MB of solved weights on disk",
                static_cast<double>(work.scratch_bytes) / 1e6),
      work.solved_before == 0
          ? ""
          : fmt::format(
                "\nResuming an ended run: {} of the weights are solved.",
                work.solved_before));
}

std::string sampled_text(
    const std::string& output,
    const SampledReport& report) {
  return fmt::format(
      "{}\n{}{}{}{}",
      to_text(table_of(report)),
      evidence_text(report.pruned),
      report.norms.empty() ? ""
                           : fmt::format(
                                 "{} statistics of norms were re-estimated.\n",
                                 report.norms.size()),
      change_text(report.change),
      totals_text(output, report.pruned));
}

std::string sampled_json(
    const std::string& model,
    const std::string& output,
    const std::string& allocation,
    const Checkpoint& input,
    const SampledReport& report) {
  const auto& work = report.work;
  auto json = totals_json(model, output, input, report.pruned);
  json["allocation"] = allocation.empty() ? Json() : Json(allocation);
  json["calibration"] = {
      {"samples", work.samples},
      {"held_back", work.held_back},
      {"passes", work.passes},
      {"solved_before", work.solved_before},
      {"moments_bytes", work.moments_bytes},
      {"batch_bytes", work.batch_bytes},
      {"scratch_bytes", work.scratch_bytes}};
  json["outputs"] = change_json(report.change);
  json["norms"] = report.norms;
  json["tensors"] = to_json(table_of(report));
  return json_text(json);
}

} // namespace coppice::cli
