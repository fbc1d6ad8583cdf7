#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace coppice::cli {

/// Adds `--load` to a command that loads TorchScript models.
void add_load_option(CLI::App& command, std::vector<std::string>& libraries);

/// Loads shared libraries that register ops or classes. They stay loaded.
///
/// Errors: InputError if one cannot be loaded.
void load_libraries(const std::vector<std::string>& libraries);

} // namespace coppice::cli
