#include <coppice/oneshot/mask_activations.h>
#include <coppice/report/table.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include "io/output_file.h"
#include "report/json.h"

#include <algorithm>
#include <iostream>
#include <memory>
#include <optional>

#include "cli/blas.h"
#include "cli/commands.h"
#include "cli/common_options.h"
#include "cli/errors.h"
#include "cli/example_file.h"
#include "cli/libraries.h"
#include "cli/progress.h"
#include "cli/script_file.h"

namespace coppice::cli {
namespace {

constexpr const char* kActivationsAbout =
    "Mask activations that are small on calibration samples.";

constexpr const char* kActivationsExamples =
    R"(MODEL is a TorchScript archive or a .pt2; it is not changed. FILE holds its
inputs, as for `coppice prune`: a safetensors file with a tensor for each, or
one of torch.save with a tensor, or a tuple, list or dictionary of inputs by
name; if no name of a tensor fits, they are taken in the order of their names.
Samples lie along dimension 0; numbers and tensors without dimensions are the
same for all of them.

GLOB is matched with the names of layers: `fc1`, `encoder.*`. The inputs of a
layer are aggregated over batches and reduced over samples. The
round(S * elements) elements of smallest magnitude are then masked.

The masks become constants of OUT, which any LibTorch or PyTorch runs. With
--sites they stay activation sites, which Coppice can change later; loading
such a file needs libcoppice.

Examples:
  coppice activations net.pt --calibration samples.safetensors -o out.pt \
    --layer 'fc*' --sparsity 0.5
  coppice activations net.pt --calibration x.pt -o out.pt --layer conv2 \
    --features 0,3,7 --feature-dim 1 --sparsity 0.9
)";

struct ActivationsRun {
  std::string model;
  std::string calibration;
  std::string output;
  MaskActivationsOptions mask;
  std::vector<int64_t> features;
  std::optional<int64_t> feature_dim;
  std::vector<std::string> libraries;
  int threads = 0;
  bool json = false;
};

Table table_of(const std::vector<MaskedActivation>& rows) {
  Table table{
      {{"layer", "layer"},
       {"shape", "shape"},
       {"zeros_before", "zeros before", CellFormat::kPercent},
       {"masked", "masked", CellFormat::kPercent},
       {"energy_kept", "energy kept", CellFormat::kPercent},
       {"result", "result"}},
      {}};
  for (const auto& row : rows) {
    const std::string layer = row.layer.empty() ? "(the model)" : row.layer;
    if (row.left_because.empty()) {
      table.rows.push_back(
          {layer,
           fmt::format("{}", fmt::join(row.shape, "x")),
           row.zeros_before,
           row.masked,
           row.energy_kept,
           std::string("masked")});
    } else {
      table.rows.push_back(
          {layer, Cell(), Cell(), Cell(), Cell(), "left: " + row.left_because});
    }
  }
  return table;
}

void print(
    const ActivationsRun& options,
    const std::vector<MaskedActivation>& rows,
    int64_t samples) {
  const auto masked = std::count_if(rows.begin(), rows.end(), [](auto& row) {
    return row.left_because.empty();
  });
  if (options.json) {
    std::cout << json_text(
                     {{"model", options.model},
                      {"output", options.output},
                      {"samples", samples},
                      {"sites", options.mask.sites},
                      {"masked", masked},
                      {"layers", to_json(table_of(rows))}})
              << '\n';
    return;
  }
  std::cout << fmt::format(
      "{}\n{} of {} layers masked, calibrated on {} samples. Written to {}.\n",
      to_text(table_of(rows)),
      masked,
      rows.size(),
      samples,
      options.output);
}

ExitCode activations(ActivationsRun options) {
  warn_of_reference_blas();
  use_threads(options.threads);
  if (!options.features.empty()) {
    options.mask.features = options.features;
  }
  options.mask.feature_dim = options.feature_dim;
  load_libraries(options.libraries);
  ExtraFiles extra;
  const auto model = load_script(options.model, &extra);
  require_other_file(options.output, {options.model, options.calibration});
  require_other_file(options.output, options.libraries);
  require_writable(options.output);
  std::unique_ptr<ProgressBar> bar;
  int64_t samples = 0;
  options.mask.progress = [&](int64_t done, int64_t total) {
    if (!bar) {
      bar = std::make_unique<ProgressBar>(
          fmt::format("running {} samples", total), total);
    }
    bar->update(done);
    samples = total;
  };
  torch::jit::Module masked;
  const auto rows = [&] {
    try {
      return mask_activations(
          model,
          inputs_in_file(options.calibration, model),
          options.mask,
          masked);
    } catch (const c10::ValueError& error) { // A name, sample or option.
      throw InputError(fmt::format("{}.", error.what_without_backtrace()));
    }
  }();
  bar.reset();
  save_script(masked, options.output, extra);
  print(options, rows, samples);
  return kDone;
}

void add_activations_options(CLI::App& command, ActivationsRun& options) {
  auto& mask = options.mask;
  command.add_option("MODEL", options.model, "The model")->required();
  command
      .add_option(
          "--calibration", options.calibration, "Samples to run the model on")
      ->type_name("FILE")
      ->required();
  command
      .add_option("-o,--output", options.output, "Where the masked model goes")
      ->type_name("OUT")
      ->required();
  command.add_option("--layer", mask.layers, "Mask the inputs of these layers")
      ->type_name("GLOB")
      ->required();
  command
      .add_option(
          "--sparsity",
          mask.sparsity_level,
          "Fraction of elements to mask, 0 to 1")
      ->type_name("S")
      ->check(CLI::Range(0.0, 1.0))
      ->required();
  command.add_option("--batch", mask.batch, "Samples that run at once")
      ->type_name("N")
      ->check(CLI::Range(1, 1 << 30))
      ->capture_default_str();
  command
      .add_option(
          "--aggregate",
          mask.aggregate,
          "How to aggregate batches: sum, mean, max, abs_sum, abs_mean, "
          "abs_max")
      ->type_name("NAME")
      ->capture_default_str();
  command
      .add_option(
          "--reduce",
          mask.reduce,
          "How to reduce samples: mean, sum, max, abs_mean, abs_max, l2")
      ->type_name("NAME")
      ->capture_default_str();
  auto* features =
      command
          .add_option(
              "--features",
              options.features,
              "Mask only these features, each separately; needs --feature-dim")
          ->type_name("LIST")
          ->delimiter(',');
  auto* dim = command
                  .add_option(
                      "--feature-dim",
                      options.feature_dim,
                      "The dimension that --features index")
                  ->type_name("D");
  features->needs(dim);
  dim->needs(features);
  add_load_option(command, options.libraries);
  command.add_flag(
      "--sites",
      mask.sites,
      "Keep activation sites in OUT instead of constants");
  add_json_option(command, options.json);
  add_threads_option(command, options.threads);
}

} // namespace

void add_activations(CLI::App& app, Command& chosen) {
  auto* command = app.add_subcommand("activations", kActivationsAbout);
  command->footer(kActivationsExamples);
  auto options = std::make_shared<ActivationsRun>();
  add_activations_options(*command, *options);
  command->callback([options, &chosen] {
    chosen = {[options] { return activations(*options); }, /*computes=*/true};
  });
}

} // namespace coppice::cli
