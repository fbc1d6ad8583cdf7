#pragma once

#include <CLI/CLI.hpp>

namespace coppice::cli {

void add_json_option(CLI::App& command, bool& json);

/// Adds `--threads`; `threads` stays 0 if it is not given.
void add_threads_option(CLI::App& command, int& threads);

} // namespace coppice::cli
