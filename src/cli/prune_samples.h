#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "cli/errors.h"
#include "coppice/oneshot/recipe.h"
#include "oneshot/sample_use.h"

namespace coppice::cli {

/// Options of pruning by samples.
struct SampleOptions {
  std::string calibration;
  std::string method = "alps";
  std::string allocation = "uniform"; ///< Or a file.
  OwlOptions owl;
  bool sequential = false;
  std::optional<int64_t> samples;
  int64_t batch = 32;
  bool unbatched = false;
  uint64_t seed = 0;
  std::optional<int64_t> memory; ///< Bytes.
  bool recalibrate_norms = false;
  std::string labels;
  std::vector<std::string> libraries;
};

/// Which samples there are, and how they run.
void add_sample_use(CLI::App& command, SampleOptions& options);

CLI::Option* add_method(CLI::App& command, SampleOptions& options);

/// All of them. `recipe`: what excludes those that a recipe says itself.
void add_sample_options(
    CLI::App& command,
    CLI::Option* recipe,
    SampleOptions& options);

PruneMethod method_of(const SampleOptions& options);

/// How levels are allocated to layers.
Allocation allocation_of(const SampleOptions& options);

/// Those that run samples through a model.
///
/// Errors: InputError if labels are no classes.
oneshot::SampleUse sample_use(const SampleOptions& options);

/// Prunes by samples and prints the report.
struct PruneBySamples {
  std::string model;
  std::string output; ///< Empty: nothing is written.
  Recipe recipe;
  std::string recipe_file;
  SampleOptions options;
  bool json = false;
  int threads = 0;
};
ExitCode prune_by_samples(const PruneBySamples& run);

} // namespace coppice::cli
