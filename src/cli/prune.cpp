#include <ATen/Parallel.h>
#include <coppice/io/checkpoint.h>
#include <coppice/oneshot/prune_checkpoint.h>
#include <fmt/format.h>
#include "io/output_file.h"

#include <iostream>
#include <memory>
#include <optional>

#include "cli/commands.h"
#include "cli/common_options.h"
#include "cli/errors.h"
#include "cli/progress.h"
#include "cli/prune_report.h"
#include "cli/prune_samples.h"
#include "cli/recipe_file.h"
#include "coppice/core/pattern.h"
#include "masks/criterion.h"

namespace coppice::cli {
namespace {

constexpr const char* kPruneAbout =
    "Write a copy of a model with its weights pruned.";

constexpr const char* kPruneExamples =
    R"(MODEL is a safetensors file, a torch.save file, the index of shards of either
(model.safetensors.index.json, pytorch_model.bin.index.json; OUT is then a
folder), a TorchScript archive or a .pt2 of torch.export.save. OUT is of the
same kind. MODEL is not changed.

Without --include, the weights of layers are pruned: floating tensors of two or
more dimensions that a layer multiplies by. The graph of a TorchScript archive
or .pt2 says which; else names and shapes do. Not pruned: embeddings, output
layers (lm_head, classifier, output, out, head, logits), norms, scales, tokens,
statistics, masks, buffers, parts of quantized weights and an optimizer's
state. The table gives the reason for each tensor.

GLOB is matched with the names of tensors and of their modules: `*.mlp.*`,
`encoder.?.fc1`; `re:` begins a regular expression. A tensor that is named in
this way is pruned whatever it is. `Linear` and `Conv1d` to `Conv3d` mean the
layers of that class, except those that are left without --include.

A recipe (YAML or JSON) takes the place of the options from --sparsity to
--transposed, and can have several rules:
  stage:
    modifiers:
      MagnitudePruningModifier:
        sparsity: 0.8               # or mask_structure: "2:4"
        sparse_block_shape: [1, 4]
        targets: ["re:.*mlp.*"]
        ignore: [lm_head]           # and transposed, as --transposed

A torch.save file may hold a whole pickled model or other objects of Python's.
They are read as data, nothing in them is run, and the copy has them as they
are. If they name what is known to be dangerous, such as os.system, no copy is
written without --keep-code; `coppice inspect` lists what they name.

With --calibration, MODEL is a TorchScript archive or a .pt2; it runs on the
samples of FILE: a tensor for each input, by torch.save or as safetensors,
samples in dimension 0. Weights are chosen by the inputs of their layers; most
methods adjust kept weights to preserve the layers' outputs. The last lines
report the change of the model's outputs on an eighth of the samples, which is
held back. A recipe may then use WandaPruningModifier, SparseGPTModifier and
ALPSModifier.
Model and samples may be larger than memory. Solved layers are in the folder
.OUT.coppice-scratch until OUT is written: if the program was killed, the same
command resumes from there.

Every layer has the level S. With --allocation levels differ, and all layers
together have S: `erk` allocates by layer sizes, `global` by one magnitude
threshold, `owl` by outliers among weights times inputs, a FILE by the cost of
pruning each layer alone, as measured by `coppice analyze`.

Exit code: 1 if the requested sparsity was not reached.

Examples:
  coppice prune net.safetensors -o sparse.safetensors --sparsity 0.9
  coppice prune net.pt -o net24.pt --pattern 2:4 --exclude 'head*'
  coppice prune net.th -o out.th --sparsity 0.8 --scope global --dry-run
  coppice prune net.pt2 -o sparse.pt2 --sparsity 0.8
  coppice prune net.pt -o out.pt --sparsity 0.8 --calibration samples.pt
  coppice prune net.pt -o out.pt --sparsity 0.9 --calibration samples.pt \
    --allocation erk
)";

struct PruneRun {
  std::string model;
  std::string output;
  std::optional<double> sparsity;
  std::string block;
  std::string pattern;
  int norm = 2;
  std::string scope = "tensor";
  std::vector<std::string> include;
  std::vector<std::string> exclude;
  std::vector<std::string> transposed;
  std::string recipe;
  SampleOptions samples;
  bool dry_run = false;
  bool keep_code = false;
  bool json = false;
  int threads = 0;
};

Pattern pattern_of(const PruneRun& options) {
  const auto text = options.block.empty() ? options.pattern : options.block;
  if (text.empty()) {
    return Unstructured{};
  }
  const auto pattern = parse_pattern(text);
  if (!options.block.empty() && !std::holds_alternative<BlockShape>(pattern)) {
    throw InputError(fmt::format(
        "--block: expected rows and columns such as 1x4, got {}.", text));
  }
  return pattern;
}

Recipe recipe_of(const PruneRun& options) {
  if (!options.recipe.empty()) {
    return read_recipe(options.recipe);
  }
  if (!options.sparsity && options.pattern.empty()) {
    throw InputError(
        "say what to prune: --sparsity S, --pattern N:M or --recipe FILE (see "
        "`coppice prune --help`).");
  }
  PruneModifier modifier;
  try {
    modifier.pattern =
        weight_norm_pattern(pattern_of(options), options.sparsity);
  } catch (const c10::Error& error) {
    throw InputError(fmt::format("{}.", error.what_without_backtrace()));
  }
  modifier.method = method_of(options.samples);
  modifier.allocation = allocation_of(options.samples);
  modifier.owl = options.samples.owl;
  modifier.norm = masks::norm_numbered(options.norm).value();
  modifier.scope = options.scope == "global" ? Scope::Global : Scope::Tensor;
  modifier.targets = options.include;
  modifier.ignore = options.exclude;
  modifier.transposed = options.transposed;
  return {modifier};
}

PruneReport
run(const Checkpoint& input, const PruneRun& options, const Recipe& recipe) {
  std::unique_ptr<ProgressBar> bar;
  PruneOptions how;
  how.dry_run = options.dry_run;
  how.keep_code = options.keep_code;
  how.progress = [&](uint64_t done, uint64_t total) {
    if (!bar) {
      bar = std::make_unique<ProgressBar>(
          fmt::format("pruning {:.1f} MB", total / 1e6),
          static_cast<int64_t>(total));
    }
    bar->update(static_cast<int64_t>(done));
  };
  return prune_checkpoint(input, recipe, options.output, how);
}

ExitCode prune(const PruneRun& options) {
  if (options.output.empty() && !options.dry_run) {
    throw InputError(
        "say where the pruned model goes: -o OUT, or --dry-run for the table "
        "alone.");
  }
  if (options.threads > 0) {
    at::set_num_threads(options.threads);
  }
  const auto recipe = recipe_of(options);
  if (!options.samples.calibration.empty()) {
    return prune_by_samples(
        {options.model,
         options.dry_run ? "" : options.output,
         recipe,
         options.recipe,
         options.samples,
         options.json,
         options.threads});
  }
  const auto input = open_checkpoint(options.model);
  if (!options.dry_run) {
    require_other_file(options.output, input);
    require_other_file(options.output, {options.recipe});
  }
  const auto report = [&] {
    try {
      return run(input, options, recipe);
    } catch (const c10::ValueError& error) { // A name or a weight is wrong.
      throw InputError(fmt::format("{}.", error.what_without_backtrace()));
    }
  }();
  const std::string output = options.dry_run ? "" : options.output;
  std::cout << (options.json ? prune_json(options.model, output, input, report)
                             : prune_text(output, report))
            << '\n';
  if (report.reached) {
    return kDone;
  }
  std::cerr << fmt::format(
      "coppice: the asked sparsity was not reached (see the table){}\n",
      output.empty() ? "." : fmt::format("; {} was written.", output));
  return kFailed;
}

void add_prune_options(CLI::App& command, PruneRun& options) {
  command.add_option("MODEL", options.model, "The model")->required();
  command
      .add_option("-o,--output", options.output, "Where the pruned copy goes")
      ->type_name("OUT");
  auto* recipe =
      command
          .add_option(
              "--recipe", options.recipe, "Read what to prune from a recipe")
          ->type_name("FILE");
  command
      .add_option(
          "--sparsity",
          options.sparsity,
          "Fraction of blocks to drop, 0 to 1; of elements without --block")
      ->type_name("S")
      ->check(CLI::Range(0.0, 1.0))
      ->excludes(recipe);
  auto* block =
      command
          .add_option(
              "--block", options.block, "Drop whole blocks, such as 1x4")
          ->type_name("RxC")
          ->excludes(recipe);
  command
      .add_option(
          "--pattern", options.pattern, "Keep N of every M inputs, such as 2:4")
      ->type_name("N:M")
      ->excludes(recipe)
      ->excludes(block);
  command
      .add_option(
          "--norm",
          options.norm,
          "Score blocks by mean |w| (1) or mean w^2 (2)")
      ->type_name("1|2")
      ->check(CLI::IsMember({1, 2}))
      ->excludes(recipe)
      ->capture_default_str();
  command
      .add_option(
          "--scope",
          options.scope,
          "One threshold for each tensor, or one for all together")
      ->type_name("tensor|global")
      ->check(CLI::IsMember({"tensor", "global"}))
      ->excludes(recipe)
      ->capture_default_str();
  command.add_option("--include", options.include, "Prune only these tensors")
      ->type_name("GLOB")
      ->excludes(recipe);
  command.add_option("--exclude", options.exclude, "Do not prune these")
      ->type_name("GLOB")
      ->excludes(recipe);
  command
      .add_option(
          "--transposed",
          options.transposed,
          "Read these as stored [in, out], as in GPT-2")
      ->type_name("GLOB")
      ->excludes(recipe);
  add_sample_options(command, recipe, options.samples);
  command.add_flag(
      "--dry-run", options.dry_run, "Print the table and write no file");
  command.add_flag(
      "--keep-code",
      options.keep_code,
      "Copy a file that names dangerous code, too");
  add_json_option(command, options.json);
  add_threads_option(command, options.threads);
}

} // namespace

void add_prune(CLI::App& app, Command& chosen) {
  auto* command = app.add_subcommand("prune", kPruneAbout);
  command->footer(kPruneExamples);
  auto options = std::make_shared<PruneRun>();
  add_prune_options(*command, *options);
  command->callback(
      [options, &chosen] { chosen = {[options] { return prune(*options); }}; });
}

} // namespace coppice::cli
