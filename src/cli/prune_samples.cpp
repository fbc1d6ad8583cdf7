#include "cli/prune_samples.h"

#include <coppice/io/checkpoint.h>
#include <coppice/model/torch_tensors.h>
#include <fmt/format.h>
#include "io/output_file.h"
#include "io/scratch_folder.h"

#include <iostream>
#include <memory>

#include "cli/blas.h"
#include "cli/example_file.h"
#include "cli/libraries.h"
#include "cli/prune_samples_report.h"
#include "cli/script_file.h"
#include "cli/sensitivity_file.h"
#include "cli/signals.h"
#include "cli/stage_bars.h"
#include "oneshot/free_memory.h"
#include "oneshot/prune_with_samples.h"

namespace coppice::cli {
namespace {

/// The only tensor of a file, integers.
torch::Tensor labels_in(const std::string& path) {
  const auto file = open_checkpoint(path);
  if (file.state.tensors.size() != 1) {
    throw InputError(fmt::format(
        "{} holds {} tensors: give a file with one, the class of each sample.",
        path,
        file.state.tensors.size()));
  }
  const auto labels = as_tensor(file.state.tensors[0]);
  if (labels.dim() == 0 || labels.is_floating_point() || labels.is_complex()) {
    throw InputError(fmt::format(
        "{} does not hold classes: give whole numbers, one for each sample.",
        path));
  }
  return labels.to(torch::kLong);
}

/// Adds to messages where solved layers are stored.
class StoredLayers {
 public:
  void set(const std::string& folder) {
    if (folder_ != folder) {
      folder_ = folder;
      set_interrupted_text(sentence("interrupted"));
    }
  }
  /// Unless the folder is no longer there.
  std::string added_to(std::string message) const {
    if (!io::ScratchFolder::is_there(folder_)) {
      return message;
    }
    message.resize(message.find_last_not_of('.') + 1);
    return sentence(message);
  }

 private:
  std::string sentence(const std::string& what) const {
    return fmt::format(
        "{}; the solved layers are in {}, and the same command resumes with "
        "them.",
        what,
        folder_);
  }

  std::string folder_; ///< Empty if there are none.
};

oneshot::SampledOptions sampled_options(const PruneBySamples& run) {
  const auto& options = run.options;
  oneshot::SampledOptions sampled;
  static_cast<oneshot::SampleUse&>(sampled) = sample_use(options);
  sampled.sequential = options.sequential;
  sampled.recalibrate_norms = options.recalibrate_norms;
  sampled.dry_run = run.output.empty();
  if (allocation_of(options) == Allocation::Measured) {
    sampled.measured = read_sensitivity(options.allocation);
  }
  return sampled;
}

oneshot::SampledReport prune(
    const PruneBySamples& run,
    const Checkpoint& input,
    StoredLayers& stored) {
  const calibration::ModelLoader load = [&] {
    return load_mapped_script(run.model);
  };
  auto options = sampled_options(run);
  auto inputs = inputs_in_file(run.options.calibration, load());
  StageBars bars;
  options.progress = [&](const auto& what, int64_t done, int64_t total) {
    bars.show(what, done, total);
  };
  options.keeps = [&](const auto& folder) { stored.set(folder); };
  options.begin = [&](const oneshot::SampledWork& work) {
    if (!run.json) {
      bars.clear();
      std::cout << work_text(work) << std::endl;
    }
  };
  return oneshot::prune_with_samples(
      input, load, std::move(inputs), run.recipe, run.output, options);
}

} // namespace

PruneMethod method_of(const SampleOptions& options) {
  return options.calibration.empty()  ? PruneMethod::Magnitude
      : options.method == "wanda"     ? PruneMethod::Wanda
      : options.method == "sparsegpt" ? PruneMethod::SparseGPT
      : options.method == "magnitude" ? PruneMethod::Magnitude
                                      : PruneMethod::ALPS;
}

Allocation allocation_of(const SampleOptions& options) {
  return allocation_named(options.allocation).value_or(Allocation::Measured);
}

oneshot::SampleUse sample_use(const SampleOptions& options) {
  oneshot::SampleUse use;
  use.batch = options.batch;
  use.are_single = options.unbatched;
  use.samples = options.samples;
  use.seed = options.seed;
  use.memory =
      options.memory.value_or(static_cast<int64_t>(oneshot::free_memory() / 4));
  if (!options.labels.empty()) {
    use.labels = labels_in(options.labels);
  }
  return use;
}

ExitCode prune_by_samples(const PruneBySamples& run) {
  warn_of_reference_blas();
  use_threads(run.threads);
  load_libraries(run.options.libraries);
  // Has the better message for files that are no model.
  load_mapped_script(run.model);
  const auto input = open_checkpoint(run.model);
  if (!run.output.empty()) {
    require_other_file(run.output, input);
    require_other_file(run.output, {run.options.calibration});
    const auto allocation = allocation_of(run.options) == Allocation::Measured
        ? run.options.allocation
        : std::string();
    for (const auto& other :
         {run.recipe_file, run.options.labels, allocation}) {
      if (!other.empty()) {
        require_other_file(run.output, {other});
      }
    }
    require_writable(run.output);
  }
  const auto report = [&] {
    StoredLayers stored;
    try {
      auto report = prune(run, input, stored);
      set_interrupted_text("interrupted.");
      return report;
    } catch (const c10::ValueError& error) { // A sample, name or option.
      throw InputError(
          stored.added_to(fmt::format("{}.", error.what_without_backtrace())));
    } catch (const Interrupted&) {
      throw;
    } catch (const OutputError& error) {
      throw OutputError(stored.added_to(error.what()));
    }
  }();
  const auto allocation =
      run.recipe_file.empty() ? run.options.allocation : std::string();
  std::cout << (run.json ? sampled_json(
                               run.model, run.output, allocation, input, report)
                         : sampled_text(run.output, report))
            << '\n';
  if (report.pruned.reached) {
    return kDone;
  }
  std::cerr << fmt::format(
      "coppice: the asked sparsity was not reached (see the table){}\n",
      run.output.empty() ? "." : fmt::format("; {} was written.", run.output));
  return kFailed;
}

void add_sample_use(CLI::App& command, SampleOptions& options) {
  command
      .add_option(
          "--samples",
          options.samples,
          "Use N of the samples, chosen at random")
      ->type_name("N")
      ->check(CLI::Range(int64_t(1), int64_t(1) << 40));
  command.add_option("--batch", options.batch, "Samples that run at once")
      ->type_name("N")
      ->check(CLI::Range(1, 1 << 30))
      ->capture_default_str();
  command.add_flag(
      "--unbatched",
      options.unbatched,
      "Give the model one sample at a time, without dimension 0");
  command
      .add_option("--seed", options.seed, "Seed of what is chosen at random")
      ->type_name("N")
      ->capture_default_str();
  command
      .add_option(
          "--memory",
          options.memory,
          "Limit for second moments; a quarter of the free memory if not given")
      ->type_name("SIZE")
      ->transform(CLI::AsSizeValue(/*kb_is_1000=*/false));
  command
      .add_option(
          "--labels",
          options.labels,
          "The classes of the samples, to report the accuracy")
      ->type_name("FILE");
  add_load_option(command, options.libraries);
}

CLI::Option* add_method(CLI::App& command, SampleOptions& options) {
  return command
      .add_option("--method", options.method, "How layers are pruned")
      ->type_name("alps|sparsegpt|wanda|magnitude")
      ->check(CLI::IsMember({"alps", "sparsegpt", "wanda", "magnitude"}))
      ->capture_default_str();
}

void add_sample_options(
    CLI::App& command,
    CLI::Option* recipe,
    SampleOptions& options) {
  auto* samples = command
                      .add_option(
                          "--calibration",
                          options.calibration,
                          "Prune by the layers' inputs when the model runs on "
                          "these samples")
                      ->type_name("FILE");
  add_method(command, options)->excludes(recipe);
  auto* allocation =
      command
          .add_option(
              "--allocation",
              options.allocation,
              "The level of each layer: uniform, erk, global, owl or a file of "
              "`coppice analyze`")
          ->type_name("NAME|FILE")
          ->excludes(recipe)
          ->capture_default_str();
  command
      .add_option(
          "--owl-m",
          options.owl.multiple,
          "Outliers exceed this many times the mean of their block")
      ->type_name("M")
      ->check(CLI::Range(0.0, 1e9))
      ->needs(allocation)
      ->capture_default_str();
  command
      .add_option(
          "--owl-lambda",
          options.owl.lambda,
          "Levels by outliers differ by two times this at most")
      ->type_name("L")
      ->check(CLI::Range(0.0, 0.25))
      ->needs(allocation)
      ->capture_default_str();
  command.add_flag(
      "--sequential",
      options.sequential,
      "Prune layer after layer; each corrects the error of those before it");
  command.add_flag(
      "--recalibrate-norms",
      options.recalibrate_norms,
      "Re-estimate the statistics of batch norms on the samples");
  add_sample_use(command, options);
  for (const char* option :
       {"--method",
        "--allocation",
        "--owl-m",
        "--owl-lambda",
        "--sequential",
        "--recalibrate-norms",
        "--samples",
        "--batch",
        "--unbatched",
        "--seed",
        "--memory",
        "--labels"}) {
    command.get_option(option)->needs(samples);
  }
}

} // namespace coppice::cli
