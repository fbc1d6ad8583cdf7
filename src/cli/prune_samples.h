#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "cli/errors.h"
#include "coppice/oneshot/recipe.h"

namespace coppice::cli {

/// Options of pruning by samples.
struct SampleOptions {
  std::string calibration;
  std::string method = "alps";
  bool sequential = false;
  std::optional<int64_t> samples;
  int64_t batch = 32;
  bool unbatched = false;
  uint64_t seed = 0;
  bool recalibrate_norms = false;
  std::string labels;
  std::vector<std::string> libraries;
};

/// `recipe`: the option that `--method` excludes.
void add_sample_options(
    CLI::App& command,
    CLI::Option* recipe,
    SampleOptions& options);

PruneMethod method_of(const SampleOptions& options);

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
