#include "cli/prune_report.h"

#include <coppice/core/pattern.h>
#include <coppice/report/table.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace coppice::cli {
namespace {

/// Sums over the tensors that were pruned.
struct PruneTotals {
  int64_t tensors = 0;
  int64_t elements = 0;
  int64_t zeros = 0;

  double sparsity() const {
    return elements == 0 ? 0 : static_cast<double>(zeros) / elements;
  }
};

PruneTotals totals_of(const PruneReport& report) {
  PruneTotals totals;
  for (const auto& tensor : report.tensors) {
    if (tensor.left_because.empty()) {
      ++totals.tensors;
      totals.elements += tensor.elements;
      totals.zeros += tensor.zeros_after;
    }
  }
  return totals;
}

void add_note(const PrunedTensor& tensor, std::vector<Cell>& row) {
  if (!tensor.note.empty()) {
    row.emplace_back(tensor.note);
  }
}

std::vector<Cell> row_of(const PrunedTensor& tensor) {
  std::vector<Cell> row{
      tensor.name,
      fmt::format("{}", fmt::join(tensor.shape, "x")),
      std::string(dtype_name(tensor.dtype))};
  if (!tensor.left_because.empty()) {
    row.insert(
        row.end(), {Cell(), Cell(), Cell(), "left: " + tensor.left_because});
    add_note(tensor, row);
    return row;
  }
  row.push_back(asked_of(tensor));
  row.push_back(share_of(tensor.zeros_before, tensor));
  row.push_back(share_of(tensor.zeros_after, tensor));
  row.push_back(std::string(tensor.reached ? "pruned" : "not reached"));
  add_note(tensor, row);
  return row;
}

Table table_of(const PruneReport& report) {
  Table table{
      {{"name", "tensor"},
       {"shape", "shape"},
       {"dtype", "dtype"},
       {"asked", "asked"},
       {"before", "zeros before", CellFormat::kPercent},
       {"after", "after", CellFormat::kPercent},
       {"result", "result"}},
      {}};
  bool has_notes = false;
  for (const auto& tensor : report.tensors) {
    table.rows.push_back(row_of(tensor));
    has_notes |= !tensor.note.empty();
  }
  if (has_notes) {
    table.columns.push_back({"note", "note"});
  }
  return table;
}

} // namespace

std::string evidence_text(const PruneReport& report) {
  return report.not_from_graph_because.empty()
      ? ""
      : fmt::format(
            "Weights were found by names and shapes, not by the "
            "model's code: {}.\n",
            report.not_from_graph_because);
}

std::string asked_of(const PrunedTensor& tensor) {
  const auto& pattern = tensor.pattern;
  const auto block = pattern.sparse_block_shape;
  if (pattern.sparsity_level >= 1 && block.rows == 1 &&
      pattern.zeros_per_block < block.cols) {
    return to_string(Nm{block.cols - pattern.zeros_per_block, block.cols});
  }
  std::string text = fmt::format("{:g}%", 100 * pattern.sparsity_level);
  if (block.size() > 1) {
    text += " of " + to_string(block);
  }
  if (pattern.zeros_per_block < block.size()) {
    text += fmt::format(", {} each", pattern.zeros_per_block);
  }
  return tensor.scope == Scope::Global ? text + ", global" : text;
}

double share_of(int64_t zeros, const PrunedTensor& tensor) {
  return static_cast<double>(zeros) / static_cast<double>(tensor.elements);
}

std::string totals_text(const std::string& output, const PruneReport& report) {
  const auto totals = totals_of(report);
  return fmt::format(
      "{} of {} tensors pruned: {} of their {} elements are zero ({}).{}",
      totals.tensors,
      report.tensors.size(),
      to_text(totals.zeros, CellFormat::kCount),
      to_text(totals.elements, CellFormat::kCount),
      to_text(totals.sparsity(), CellFormat::kPercent),
      output.empty() ? "" : fmt::format(" Written to {}.", output));
}

nlohmann::ordered_json totals_json(
    const std::string& model,
    const std::string& output,
    const Checkpoint& input,
    const PruneReport& report) {
  const auto totals = totals_of(report);
  const auto text_or_null = [](const std::string& text) {
    return text.empty() ? nlohmann::ordered_json()
                        : nlohmann::ordered_json(text);
  };
  return {
      {"model", model},
      {"output", text_or_null(output)},
      {"format", std::string(format_name(input.format))},
      {"told_by", report.from_graph ? "code" : "names"},
      {"not_by_code_because", text_or_null(report.not_from_graph_because)},
      {"reached", report.reached},
      {"elements", totals.elements},
      {"zeros", totals.zeros},
      {"sparsity", totals.sparsity()}};
}

std::string prune_text(const std::string& output, const PruneReport& report) {
  return fmt::format(
      "{}\n{}{}",
      to_text(table_of(report)),
      evidence_text(report),
      totals_text(output, report));
}

std::string prune_json(
    const std::string& model,
    const std::string& output,
    const Checkpoint& input,
    const PruneReport& report) {
  auto json = totals_json(model, output, input, report);
  json["tensors"] = to_json(table_of(report));
  return json_text(json);
}

} // namespace coppice::cli
