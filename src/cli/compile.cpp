#include <coppice/compile/compile.h>
#include <coppice/io/checkpoint.h>
#include <fmt/format.h>
#include "io/output_file.h"
#include "report/json.h"

#include <ATen/Parallel.h>

#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>

#include "cli/blas.h"
#include "cli/commands.h"
#include "cli/compile_page.h"
#include "cli/compile_report.h"
#include "cli/disturbance.h"
#include "cli/errors.h"
#include "cli/libraries.h"
#include "cli/model_inputs.h"
#include "cli/progress.h"
#include "cli/script_file.h"

namespace coppice::cli {
namespace {

constexpr const char* kAboutCompile =
    "Make a TorchScript model faster here: measure every layer, keep what "
    "wins.";
constexpr const char* kAboutBench =
    "Measure a TorchScript model, layer by layer, as `compile` would change "
    "it.";

constexpr const char* kMore =
    "Every linear layer and convolution is timed with LibTorch's own product "
    "and\n"
    "with each sparse or dense format that fits where its zeros are, in turn, "
    "until\n"
    "the difference is surer than the noise. Where nothing is faster, "
    "LibTorch's\n"
    "own stays. A single input that is largely zero, as after a relu, also "
    "meets\n"
    "products that skip its zeros. What was measured is remembered in\n"
    "~/.cache/coppice for the same processor, threads and layer. --html writes "
    "one\n"
    "file, which loads nothing else, with the table, bars, and a picture of "
    "where\n"
    "each weight is zero. COPPICE_INSTRUCTION_SET=AVX2 in the environment "
    "measures\n"
    "and runs without AVX-512.\n"
    "\n";

constexpr const char* kCompileExamples =
    "OUT loads in C++ and Python where libcoppice is loaded.\n"
    "\n"
    "Examples:\n"
    "  coppice compile net.pt -o fast.pt --input 1x3x32x32\n"
    "  coppice compile net.pt -o fast.pt --input 1x784 --batch 1 --batch 32 "
    "\\\n"
    "    --threads 1 --html fast.html\n"
    "  coppice compile text.pt -o fast.pt --input '2x6:int64[0,511]' "
    "--input =true\n"
    "  coppice compile net.pt -o fast.pt --inputs example.pt  # torch.save((x, "
    "{\"a\": y}))\n"
    "  coppice compile net.pt -o fast.pt --input 1x3x64x64 --load "
    "libmyops.so\n";

constexpr const char* kBenchExamples =
    "With OTHER, its whole time is measured beside that of MODEL.\n"
    "\n"
    "Examples:\n"
    "  coppice bench net.pt --input 1x784 --html net.html\n"
    "  coppice bench net.pt fast.pt --input 64:int64 --json\n";

struct CompileRun {
  std::string model;
  std::string other;
  std::string output;
  std::string html;
  InputOptions inputs;
  std::vector<std::string> libraries;
  std::vector<int64_t> batches;
  double seconds = 1;
  bool bfloat16 = false;
  bool no_cache = false;
  bool json = false;
  int threads = 0;
};

/// The model or the inputs are wrong.
[[noreturn]] void refuse_run(
    const CompileRun& options,
    const c10::ValueError& error) {
  throw InputError(fmt::format(
      "{}.", with_advice(error.what_without_backtrace(), options.inputs)));
}

CompiledModel compiled(
    const CompileRun& options,
    const torch::jit::Module& model) {
  auto how = CompileOptions()
                 .batches(options.batches)
                 .seconds_per_layer(options.seconds)
                 .bfloat16(options.bfloat16);
  if (options.no_cache) {
    how.cache("");
  }
  std::unique_ptr<ProgressBar> bar;
  how.progress([&](int64_t done, int64_t total) {
    if (!bar) {
      bar = std::make_unique<ProgressBar>(
          fmt::format("measuring {} layers", total), total);
    }
    bar->update(done);
  });
  try {
    return compile(model, model_inputs(options.inputs, model), how);
  } catch (const c10::ValueError& error) {
    refuse_run(options, error);
  }
}

/// What the page says of the model before it says how it did.
PageSubject subject_of(const char* kind, const CompileRun& options) {
  PageSubject subject;
  subject.kind = kind;
  subject.title = std::filesystem::path(options.model).filename().string();
  subject.facts = {{"Model", options.model}, {"Inputs", options.inputs.text()}};
  subject.remembers = !options.no_cache;
  return subject;
}

/// Writes the page, if one was asked for.
void write_page(
    const CompileRun& options,
    const PageSubject& subject,
    const CompiledModel& result) {
  if (!options.html.empty()) {
    write_file(options.html, compile_page(subject, result));
  }
}

void print(
    const CompileRun& options,
    const std::string& text,
    nlohmann::ordered_json json,
    bool is_disturbed) {
  if (!options.json) {
    std::cout << text << '\n';
    if (!options.html.empty()) {
      std::cout << "The page: " << options.html << '\n';
    }
    return;
  }
  json["disturbed"] = is_disturbed;
  if (!options.html.empty()) {
    json["html"] = options.html;
  }
  std::cout << json_text(json) << '\n';
}

ExitCode run_compile(const CompileRun& options) {
  warn_of_reference_blas();
  use_threads(options.threads);
  load_libraries(options.libraries);
  ExtraFiles extra;
  const auto model = load_script(options.model, &extra);
  require_other_file(options.output, {options.model});
  require_writable(options.output);
  check_page(options.html, {options.model}, options.output);
  const Disturbance disturbance;
  const auto result = compiled(options, model);
  const bool is_disturbed = disturbance.is_found();
  warn_if(is_disturbed);
  save_script(result.module, options.output, extra);
  auto subject = subject_of("coppice compile", options);
  subject.is_disturbed = is_disturbed;
  subject.facts.insert(subject.facts.begin() + 1, {"Compiled", options.output});
  write_page(options, subject, result);
  print(
      options,
      compile_text(options.output, result),
      compile_json(options.model, options.output, result),
      is_disturbed);
  return kDone;
}

ExitCode run_bench(const CompileRun& options) {
  warn_of_reference_blas();
  use_threads(options.threads);
  load_libraries(options.libraries);
  const auto model = load_script(options.model);
  std::vector<std::string> files{options.model};
  std::optional<torch::jit::Module> other;
  if (!options.other.empty()) {
    other = load_script(options.other);
    files.push_back(options.other);
  }
  check_page(options.html, files, "");
  const Disturbance disturbance;
  const auto result = compiled(options, model);
  std::vector<ModelTiming> others;
  if (other) {
    try {
      others = compare_models(
          model,
          *other,
          model_inputs(options.inputs, model),
          CompileOptions()
              .batches(options.batches)
              .seconds_per_layer(options.seconds));
    } catch (const c10::ValueError& error) {
      refuse_run(options, error);
    }
  }
  auto subject = subject_of("coppice bench", options);
  subject.is_disturbed = disturbance.is_found();
  warn_if(subject.is_disturbed);
  subject.other = options.other;
  subject.others = others;
  write_page(options, subject, result);
  print(
      options,
      bench_text(options.other, result, others),
      bench_json(options.model, options.other, result, others),
      subject.is_disturbed);
  return kDone;
}

void add_common(CLI::App& command, CompileRun& options) {
  add_input_options(command, options.inputs);
  add_load_option(command, options.libraries);
  command
      .add_option(
          "--batch",
          options.batches,
          "Also with this size of the inputs' first dimension; may be given "
          "often")
      ->type_name("N")
      ->check(CLI::Range(1, 1 << 24));
  command.add_option("--threads", options.threads, "Default: every core")
      ->check(CLI::Range(1, 4096));
  command
      .add_option(
          "--seconds", options.seconds, "At most so long for a layer and batch")
      ->check(CLI::Range(1e-6, 86400.0))
      ->capture_default_str();
  command.add_flag(
      "--bfloat16",
      options.bfloat16,
      "Also store weights as bfloat16: half the bytes, each off by up to 0.2%");
  command.add_flag(
      "--no-cache", options.no_cache, "Measure anew and remember nothing");
  command
      .add_option(
          "--html",
          options.html,
          "Also write a page that shows it all, zeros included")
      ->type_name("FILE");
  command.add_flag("--json", options.json, "Print one JSON object, no text");
}

} // namespace

void add_compile(CLI::App& app, Command& chosen) {
  auto* command = app.add_subcommand("compile", kAboutCompile);
  command->footer(std::string(kMore) + kCompileExamples);
  auto options = std::make_shared<CompileRun>();
  command->add_option("MODEL", options->model, "A TorchScript file")
      ->required();
  command->add_option("-o,--output", options->output, "Where the result goes")
      ->type_name("OUT")
      ->required();
  add_common(*command, *options);
  command->callback([options, &chosen] {
    chosen = {[options] { return run_compile(*options); }, /*computes=*/true};
  });
}

void add_bench(CLI::App& app, Command& chosen) {
  auto* command = app.add_subcommand("bench", kAboutBench);
  command->footer(std::string(kMore) + kBenchExamples);
  auto options = std::make_shared<CompileRun>();
  command->add_option("MODEL", options->model, "A TorchScript file")
      ->required();
  command->add_option("OTHER", options->other, "Another, to compare with");
  add_common(*command, *options);
  command->callback([options, &chosen] {
    chosen = {[options] { return run_bench(*options); }, /*computes=*/true};
  });
}

} // namespace coppice::cli
