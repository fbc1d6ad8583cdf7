#include <coppice/io/checkpoint.h>
#include <coppice/masks/measure.h>
#include <coppice/model/torch_tensors.h>
#include <coppice/report/table.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include "oneshot/pruning_masks.h"
#include "report/json.h"

#include <algorithm>
#include <iostream>
#include <memory>
#include <set>

#include "cli/commands.h"
#include "cli/common_options.h"

namespace coppice::cli {
namespace {

constexpr const char* kInspectAbout =
    "List the tensors of a model and the patterns of their zeros.";

constexpr const char* kInspectExamples =
    R"(MODEL is a safetensors file, a torch.save file, the index of shards of either
(model.safetensors.index.json, pytorch_model.bin.index.json), a TorchScript
archive or a .pt2 of torch.export.save. Its content decides which, not its name.

A torch.save file may hold a whole pickled model, a training run's state or
other objects of Python's: they are read as data, and nothing in them is run.
Below the tensors stand the classes and functions that Python would import and
call when it loads the file, and what those are known to do that are dangerous.

The columns `n:m` and `blocks` show the most regular pattern that all zeros of
a tensor fit. A weight that its module masks (`weight_orig` and `weight_mask`,
or parametrizations) is shown with its mask applied.

Examples:
  coppice inspect net.safetensors
  coppice inspect net.pt --json
)";

constexpr size_t kMaskColumn = 7; ///< After the columns of all tensors.

struct InspectOptions {
  std::string model;
  bool json = false;
};

/// Sums over all tensors of a model; shared memory counts once.
struct InspectTotals {
  int64_t elements = 0;
  int64_t bytes = 0;
  int64_t zeros = 0;
  bool has_masks = false; ///< Of other tensors.
  std::set<const void*> seen;

  double sparsity() const {
    return elements == 0 ? 0 : static_cast<double>(zeros) / elements;
  }
};

/// Adds the pattern of the zeros, if there are any.
void add_patterns(
    const torch::Tensor& tensor,
    int64_t zeros,
    std::vector<Cell>& row) {
  if (zeros == 0 || tensor.dim() < 2) {
    return;
  }
  const auto nm = detect_nm(tensor);
  const auto block = detect_block(tensor);
  row.push_back(nm ? Cell(to_string(*nm)) : Cell());
  row.push_back(block ? Cell(to_string(*block)) : Cell());
}

std::vector<Cell> row_of(
    const StoredTensor& stored,
    const StateDict& state,
    InspectTotals& totals) {
  const auto bytes = static_cast<int64_t>(stored.nbytes());
  std::vector<Cell> row{
      stored.name,
      fmt::format("{}", fmt::join(stored.shape, "x")),
      std::string(dtype_name(stored.dtype)),
      bytes};
  const bool is_new = totals.seen.insert(stored.data).second;
  totals.elements += is_new ? stored.numel() : 0;
  totals.bytes += is_new ? bytes : 0;
  const auto type = scalar_type_of(stored.dtype);
  if (type && !c10::isQIntType(*type) && stored.numel() > 0) {
    const auto masks = pruning_masks(stored, state);
    const auto tensor = effective_weight(stored, masks);
    const int64_t zeros = count_zeros(tensor);
    totals.zeros += is_new ? zeros : 0;
    row.push_back(static_cast<double>(zeros) / stored.numel());
    add_patterns(tensor, zeros, row);
    if (!masks.empty()) {
      totals.has_masks = true;
      row.resize(kMaskColumn);
      row.emplace_back("with " + masks[0]->name);
    }
  }
  return row;
}

Table tensor_table(const Checkpoint& checkpoint, InspectTotals& totals) {
  Table table{
      {{"name", "tensor"},
       {"shape", "shape"},
       {"dtype", "dtype"},
       {"bytes", "size", CellFormat::kBytes},
       {"sparsity", "zeros", CellFormat::kPercent},
       {"nm", "n:m"},
       {"block", "blocks"}},
      {}};
  for (const auto& tensor : checkpoint.state.tensors) {
    table.rows.push_back(row_of(tensor, checkpoint.state, totals));
  }
  if (totals.has_masks) {
    table.columns.push_back({"mask", "zeros counted"});
  }
  return table;
}

Table code_table(const Checkpoint& checkpoint) {
  Table table{
      {{"name", "class or function"},
       {"calls", "calls", CellFormat::kCount},
       {"danger", "danger"}},
      {}};
  for (const auto& code : checkpoint.code) {
    table.rows.push_back({code.name, static_cast<int64_t>(code.calls)});
    if (!code.danger.empty()) {
      table.rows.back().emplace_back(code.danger);
    }
  }
  return table;
}

/// What Python would run, for who checks a stranger's file; empty if nothing.
std::string code_text(const Checkpoint& checkpoint) {
  if (checkpoint.code.empty()) {
    return "";
  }
  const auto dangers = std::count_if(
      checkpoint.code.begin(), checkpoint.code.end(), [](const auto& code) {
        return !code.danger.empty();
      });
  return fmt::format(
      "\n\nWhen Python loads this file, it imports and calls what the file "
      "names ({} here, {} known to be dangerous); nothing was run now:\n\n{}",
      checkpoint.code.size(),
      dangers == 0 ? "none" : fmt::format("{}", dangers),
      to_text(code_table(checkpoint)));
}

std::string inspect_text(
    const Checkpoint& checkpoint,
    const Table& table,
    const InspectTotals& totals) {
  return fmt::format(
      "{}\n{}: {} tensors, {} elements, {}; {} zeros ({}).{}",
      to_text(table),
      format_name(checkpoint.format),
      table.rows.size(),
      to_text(totals.elements, CellFormat::kCount),
      to_text(totals.bytes, CellFormat::kBytes),
      to_text(totals.zeros, CellFormat::kCount),
      to_text(totals.sparsity(), CellFormat::kPercent),
      code_text(checkpoint));
}

std::string inspect_json(
    const std::string& path,
    const Checkpoint& checkpoint,
    const Table& table,
    const InspectTotals& totals) {
  return json_text(
      {{"model", path},
       {"format", std::string(format_name(checkpoint.format))},
       {"metadata", checkpoint.state.metadata},
       {"elements", totals.elements},
       {"bytes", totals.bytes},
       {"zeros", totals.zeros},
       {"sparsity", totals.sparsity()},
       {"tensors", to_json(table)},
       {"code", to_json(code_table(checkpoint))}});
}

ExitCode inspect(const InspectOptions& options) {
  const auto checkpoint = open_checkpoint(options.model);
  InspectTotals totals;
  const Table table = tensor_table(checkpoint, totals);
  std::cout << (options.json
                    ? inspect_json(options.model, checkpoint, table, totals)
                    : inspect_text(checkpoint, table, totals))
            << '\n';
  return kDone;
}

} // namespace

void add_inspect(CLI::App& app, Command& chosen) {
  auto* command = app.add_subcommand("inspect", kInspectAbout);
  command->footer(kInspectExamples);
  auto options = std::make_shared<InspectOptions>();
  command->add_option("MODEL", options->model, "The model")->required();
  add_json_option(*command, options->json);
  command->callback([options, &chosen] {
    chosen = {[options] { return inspect(*options); }};
  });
}

} // namespace coppice::cli
