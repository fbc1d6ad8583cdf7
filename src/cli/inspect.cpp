#include <c10/core/ScalarType.h>
#include <coppice/masks/measure.h>
#include <coppice/model/model_view.h>
#include <coppice/report/json.h>
#include <coppice/report/table.h>
#include <fmt/format.h>

#include <iostream>
#include <memory>

#include "cli/archive.h"
#include "cli/commands.h"

namespace coppice::cli {
namespace {

constexpr const char* kAbout =
    "List the tensors of a model, and where their zeros lie.";

constexpr const char* kExamples =
    "Reads TorchScript archives: what torch.jit.save writes in Python, and\n"
    "torch::save of a module or torch::jit::Module::save in C++.\n"
    "\n"
    "Examples:\n"
    "  coppice inspect coppice-demo/demo.pt\n"
    "  coppice inspect net.pt --json\n";

struct InspectOptions {
  std::string model;
  bool json = false;
};

/// Sums over all tensors of a model.
struct Totals {
  int64_t elements = 0;
  int64_t bytes = 0;
  int64_t zeros = 0;

  double sparsity() const {
    return elements == 0 ? 0 : static_cast<double>(zeros) / elements;
  }
};

/// Zeros of other layouts and of quantized tensors are not elements in memory.
bool has_plain_elements(const torch::Tensor& tensor) {
  return tensor.layout() == at::kStrided && !tensor.is_quantized() &&
      !tensor.is_meta();
}

/// What the zeros look like, or nothing where there are none to look at.
Cell pattern_of(const torch::Tensor& tensor, int64_t zeros) {
  if (zeros == 0 || tensor.dim() < 2) {
    return {};
  }
  return to_string(detect_pattern(tensor));
}

std::vector<Cell>
row_of(const std::string& fqn, const torch::Tensor& tensor, Totals& totals) {
  const auto bytes = static_cast<int64_t>(tensor.nbytes());
  std::vector<Cell> row{
      fqn,
      fmt::format("{}", fmt::join(tensor.sizes(), "x")),
      std::string(c10::toString(tensor.scalar_type())),
      bytes};
  totals.elements += tensor.numel();
  totals.bytes += bytes;
  if (has_plain_elements(tensor)) {
    const int64_t zeros = count_zeros(tensor);
    totals.zeros += zeros;
    row.push_back(sparsity(tensor));
    row.push_back(pattern_of(tensor, zeros));
  }
  return row;
}

Table tensor_table(const ModelView& model, Totals& totals) {
  Table table{
      {{"name", "tensor"},
       {"shape", "shape"},
       {"dtype", "dtype"},
       {"bytes", "size", CellFormat::kBytes},
       {"sparsity", "zeros", CellFormat::kPercent},
       {"pattern", "pattern"}},
      {}};
  for (const auto& [fqn, tensor, is_parameter] : model.tensors()) {
    table.rows.push_back(row_of(fqn, tensor, totals));
  }
  return table;
}

std::string inspect_text(const Table& table, const Totals& totals) {
  return fmt::format(
      "{}\n{} tensors, {} elements, {}; {} zeros ({}).",
      to_text(table),
      table.rows.size(),
      to_text(totals.elements, CellFormat::kCount),
      to_text(totals.bytes, CellFormat::kBytes),
      to_text(totals.zeros, CellFormat::kCount),
      to_text(totals.sparsity(), CellFormat::kPercent));
}

std::string inspect_json(
    const std::string& path,
    const Table& table,
    const Totals& totals) {
  return json_text(
      {{"model", path},
       {"format", "torchscript"},
       {"elements", totals.elements},
       {"bytes", totals.bytes},
       {"zeros", totals.zeros},
       {"sparsity", totals.sparsity()},
       {"tensors", to_json(table)}});
}

void inspect(const InspectOptions& options) {
  const auto module = load_archive(options.model);
  Totals totals;
  const Table table = tensor_table(module, totals);
  std::cout << (options.json ? inspect_json(options.model, table, totals)
                             : inspect_text(table, totals))
            << '\n';
}

} // namespace

void add_inspect(CLI::App& app, Command& chosen) {
  auto* command = app.add_subcommand("inspect", kAbout);
  command->footer(kExamples);
  auto options = std::make_shared<InspectOptions>();
  command->add_option("MODEL", options->model, "The model's file")->required();
  command->add_flag("--json", options->json, "Print one JSON object, no text");
  command->callback(
      [options, &chosen] { chosen = [options] { inspect(*options); }; });
}

} // namespace coppice::cli
