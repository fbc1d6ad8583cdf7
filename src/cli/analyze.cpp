#include <coppice/io/checkpoint.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include "io/output_file.h"
#include "report/json.h"

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <memory>

#include "cli/analyze_page.h"
#include "cli/analyze_report.h"
#include "cli/blas.h"
#include "cli/commands.h"
#include "cli/common_options.h"
#include "cli/compile_page.h"
#include "cli/example_file.h"
#include "cli/libraries.h"
#include "cli/prune_samples.h"
#include "cli/prune_samples_report.h"
#include "cli/script_file.h"
#include "cli/stage_bars.h"
#include "coppice/core/pattern.h"
#include "oneshot/solve_layer.h"

namespace coppice::cli {
namespace {

constexpr const char* kAnalyzeAbout =
    "Measure what pruning each layer costs in the model's outputs.";

constexpr const char* kAnalyzeExamples =
    R"(MODEL is a TorchScript archive, which runs on the samples of FILE as in
`coppice prune --calibration`. Each layer is pruned alone, at each level, and
the outputs are compared with those of the dense model on an eighth of the
samples, which is held back: KL is the mean Kullback-Leibler divergence of the
softmax, the relative error that of all outputs, and decisions are the largest
outputs. MODEL is not changed.

-o writes the rows to a file (JSON, as --json prints them) that
`coppice prune --allocation` reads: its levels are those of least cost.

Examples:
  coppice analyze net.pt --calibration samples.pt -o costs.json
  coppice prune net.pt -o out.pt --calibration samples.pt --sparsity 0.9 \
    --allocation costs.json
  coppice analyze net.pt --calibration samples.pt --levels 0.5,0.9 --html p.html
)";

struct AnalyzeRun {
  std::string model;
  std::string output;
  std::string html;
  std::vector<double> levels{0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98};
  std::string block;
  std::vector<std::string> include;
  std::vector<std::string> exclude;
  SampleOptions samples;
  bool json = false;
  int threads = 0;
};

Recipe recipe_of(const AnalyzeRun& options) {
  PruneModifier rule;
  rule.method = method_of(options.samples);
  rule.pattern = {options.levels.back(), {1, 1}, 1};
  if (!options.block.empty()) {
    const auto pattern = parse_pattern(options.block);
    const auto* block = std::get_if<BlockShape>(&pattern);
    if (block == nullptr) {
      throw InputError(fmt::format(
          "--block: expected rows and columns such as 1x4, got {}.",
          options.block));
    }
    rule.pattern = {options.levels.back(), *block, block->size()};
  }
  rule.targets = options.include;
  rule.ignore = options.exclude;
  return {rule};
}

/// One bar for all layers, labelled with the current layer and level.
class LayerBar {
 public:
  void
  show(const std::string& layer, double level, int64_t done, int64_t total) {
    if (!bar_) {
      bar_ = std::make_unique<ProgressBar>("", total);
    }
    bar_->label(fmt::format("{} at {:g}%", layer, 100 * level));
    bar_->update(done);
  }

 private:
  std::unique_ptr<ProgressBar> bar_;
};

oneshot::AnalysisReport measure(const AnalyzeRun& run, const Recipe& recipe) {
  const calibration::ModelLoader load = [&] {
    return load_mapped_script(run.model);
  };
  const auto input = open_checkpoint(run.model);
  oneshot::AnalysisOptions options;
  static_cast<oneshot::SampleUse&>(options) = sample_use(run.samples);
  options.levels = run.levels;
  auto inputs = inputs_in_file(run.samples.calibration, load());
  StageBars bars;
  LayerBar layers;
  options.progress = [&](const auto& what, int64_t done, int64_t total) {
    bars.show(what, done, total);
  };
  options.measuring =
      [&](const auto& layer, double level, int64_t done, int64_t total) {
        bars.clear();
        layers.show(layer, level, done, total);
      };
  options.begin = [&](const oneshot::SampledWork& work) {
    bars.clear();
    if (!run.json) {
      std::cout << work_text(work) << std::endl;
    }
  };
  return oneshot::measure_sensitivity(
      input, load, std::move(inputs), recipe, options);
}

void check_outputs(const AnalyzeRun& run) {
  std::vector<std::string> read = run.samples.libraries;
  read.insert(
      read.end(), {run.model, run.samples.calibration, run.samples.labels});
  read.erase(std::remove(read.begin(), read.end(), ""), read.end());
  if (!run.output.empty()) {
    require_other_file(run.output, read);
    require_writable(run.output);
  }
  check_page(run.html, read, run.output);
}

std::vector<std::pair<std::string, std::string>> facts_of(
    const AnalyzeRun& run,
    const std::string& method) {
  return {
      {"Model", run.model},
      {"Samples", run.samples.calibration},
      {"Method", method}};
}

ExitCode analyze(const AnalyzeRun& run) {
  warn_of_reference_blas();
  use_threads(run.threads);
  load_libraries(run.samples.libraries);
  // Has the better message for files that are no model.
  load_mapped_script(run.model);
  check_outputs(run);
  const auto report = [&] {
    try {
      return measure(run, recipe_of(run));
    } catch (
        const c10::ValueError& error) { // Of a sample, a name or an option.
      throw InputError(fmt::format("{}.", error.what_without_backtrace()));
    }
  }();
  auto method = oneshot::method_name(method_of(run.samples));
  if (!run.block.empty()) {
    method += ", blocks " + run.block;
  }
  const auto json = json_text(analysis_json(run.model, method, report)) + '\n';
  if (!run.output.empty()) {
    write_file(run.output, json);
  }
  if (!run.html.empty()) {
    const auto title = std::filesystem::path(run.model).filename().string();
    write_file(run.html, analysis_page(title, facts_of(run, method), report));
  }
  if (run.json) {
    std::cout << json;
    return kDone;
  }
  std::cout << analysis_text(report) << '\n';
  if (!run.output.empty()) {
    std::cout << "For `coppice prune --allocation`: " << run.output << '\n';
  }
  if (!run.html.empty()) {
    std::cout << "Page written to " << run.html << '\n';
  }
  return kDone;
}

void add_analyze_options(CLI::App& command, AnalyzeRun& options) {
  command.add_option("MODEL", options.model, "The model")->required();
  command
      .add_option(
          "--calibration",
          options.samples.calibration,
          "Samples to run the model on")
      ->type_name("FILE")
      ->required();
  command
      .add_option(
          "-o,--output",
          options.output,
          "Write the rows to a file for `prune --allocation`")
      ->type_name("OUT");
  command.add_option("--levels", options.levels, "Sparsity levels, rising")
      ->type_name("LIST")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::Range(0.0, 1.0))
      ->default_str("0.5,0.6,0.7,0.8,0.9,0.95,0.98");
  add_method(command, options.samples);
  command
      .add_option("--block", options.block, "Drop whole blocks, such as 1x4")
      ->type_name("RxC");
  command
      .add_option("--include", options.include, "Analyze only these tensors")
      ->type_name("GLOB");
  command.add_option("--exclude", options.exclude, "Do not analyze these")
      ->type_name("GLOB");
  add_sample_use(command, options.samples);
  command
      .add_option(
          "--html", options.html, "Also write the results as an HTML page")
      ->type_name("FILE");
  add_json_option(command, options.json);
  add_threads_option(command, options.threads);
}

} // namespace

void add_analyze(CLI::App& app, Command& chosen) {
  auto* command = app.add_subcommand("analyze", kAnalyzeAbout);
  command->footer(kAnalyzeExamples);
  auto options = std::make_shared<AnalyzeRun>();
  add_analyze_options(*command, *options);
  command->callback([options, &chosen] {
    chosen = {[options] { return analyze(*options); }, /*computes=*/true};
  });
}

} // namespace coppice::cli
