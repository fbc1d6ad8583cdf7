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
#include "cli/common_options.h"
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
    "Time each layer of a TorchScript model and keep what is fastest.";
constexpr const char* kAboutBench =
    "Time each layer as `compile` does, and write no model.";

constexpr const char* kMore =
    R"(Each linear layer and convolution is timed as LibTorch runs it and in every
packed format that fits its zeros. The candidates take turns until their
difference is larger than the noise. A layer that nothing makes faster stays
as it is. If there is one input and it has many zeros, as after a ReLU, formats
that skip zeros of the input are timed too.

Results are cached in ~/.cache/coppice by processor, threads and layer. --html
writes a single file with the table, bars, and a picture of each weight's
zeros. Set COPPICE_INSTRUCTION_SET=AVX2 to measure and run without AVX-512.

SHAPE is SHAPE[:DTYPE][[LEAST,MOST]]: 1x3x32x32 is float32; 2x6:int64[0,5]
holds integers from 0 to 5 (below 16 without a range). Values are given as =3,
=0.5, =true, =[1,2], ='"text"' or =none. Give --input once for each input of
the model, in order.

FILE of --inputs is a torch.save file with a tuple of the inputs or a dictionary
of them by name; they may hold dictionaries, lists, tuples, numbers, strings
and None. It may also be a safetensors file with one tensor for each input.

)";

constexpr const char* kCompileExamples =
    R"(OUT loads in C++ and Python once libcoppice is loaded.

Examples:
  coppice compile net.pt -o fast.pt --input 1x3x32x32
  coppice compile net.pt -o fast.pt --input 1x784 --batch 1 --batch 32 \
    --threads 1 --html fast.html
  coppice compile text.pt -o fast.pt --input '2x6:int64[0,511]' --input =true
  coppice compile net.pt -o fast.pt --inputs example.pt
  coppice compile net.pt -o fast.pt --input 1x3x64x64 --load libmyops.so
)";

constexpr const char* kBenchExamples =
    R"(OTHER is timed as a whole, in turn with MODEL.

Examples:
  coppice bench net.pt --input 1x784 --html net.html
  coppice bench net.pt fast.pt --input 64:int64 --json
)";

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

/// All files that are read; outputs must not overwrite them.
std::vector<std::string> files_read(const CompileRun& options) {
  std::vector<std::string> files = options.libraries;
  files.insert(
      files.end(), {options.model, options.other, options.inputs.file});
  return files;
}

/// Throws InputError for a model or inputs that do not run.
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

/// The subject of the page before results are added.
PageSubject subject_of(const char* kind, const CompileRun& options) {
  PageSubject subject;
  subject.kind = kind;
  subject.title = std::filesystem::path(options.model).filename().string();
  subject.facts = {{"Model", options.model}, {"Inputs", options.inputs.text()}};
  subject.remembers = !options.no_cache;
  return subject;
}

/// Writes the page if --html was given.
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
      std::cout << "Page written to " << options.html << '\n';
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
  require_other_file(options.output, files_read(options));
  require_writable(options.output);
  check_page(options.html, files_read(options), options.output);
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
  std::optional<torch::jit::Module> other;
  if (!options.other.empty()) {
    other = load_script(options.other);
  }
  check_page(options.html, files_read(options), "");
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
          "Also measure with this size of the inputs' first dimension; may be "
          "given several times")
      ->type_name("N")
      ->check(CLI::Range(1, 1 << 24));
  add_threads_option(command, options.threads);
  command
      .add_option(
          "--seconds",
          options.seconds,
          "Longest time to spend on a layer and batch size")
      ->type_name("SECONDS")
      ->check(CLI::Range(1e-6, 86400.0))
      ->capture_default_str();
  command.add_flag(
      "--bfloat16",
      options.bfloat16,
      "Also try weights in bfloat16: half the bytes, errors up to 0.2%");
  command.add_flag(
      "--no-cache",
      options.no_cache,
      "Measure everything again and cache nothing");
  command
      .add_option(
          "--html", options.html, "Also write the results as an HTML page")
      ->type_name("FILE");
  add_json_option(command, options.json);
}

} // namespace

void add_compile(CLI::App& app, Command& chosen) {
  auto* command = app.add_subcommand("compile", kAboutCompile);
  command->footer(std::string(kMore) + kCompileExamples);
  auto options = std::make_shared<CompileRun>();
  command
      ->add_option(
          "MODEL", options->model, "The model, a TorchScript archive or a .pt2")
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
  command
      ->add_option(
          "MODEL", options->model, "The model, a TorchScript archive or a .pt2")
      ->required();
  command->add_option(
      "OTHER", options->other, "Another model, to compare with");
  add_common(*command, *options);
  command->callback([options, &chosen] {
    chosen = {[options] { return run_bench(*options); }, /*computes=*/true};
  });
}

} // namespace coppice::cli
