#pragma once

#include <CLI/CLI.hpp>
#include <functional>

#include "cli/errors.h"

namespace coppice::cli {

/// The command to run after parsing.
struct Command {
  std::function<ExitCode()> run;
  /// Whether it runs a model, on the threads of LibTorch and the BLAS.
  bool computes = false;
};

// Each adds a subcommand to `app`, which sets `chosen`.
void add_inspect(CLI::App& app, Command& chosen);
void add_prune(CLI::App& app, Command& chosen);
void add_analyze(CLI::App& app, Command& chosen);
void add_activations(CLI::App& app, Command& chosen);
void add_bench(CLI::App& app, Command& chosen);
void add_compile(CLI::App& app, Command& chosen);
void add_pack(CLI::App& app, Command& chosen);
void add_unpack(CLI::App& app, Command& chosen);

} // namespace coppice::cli
