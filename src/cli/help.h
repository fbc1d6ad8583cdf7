#pragma once

#include <CLI/CLI.hpp>

#include <string>

namespace coppice::cli {

/// Formats the options of `--help` in lines of at most 80 characters: name,
/// value, description, default. Leaves out the parser's types, ranges and
/// exclusions.
class HelpFormatter : public CLI::Formatter {
 public:
  std::string make_help(
      const CLI::App* app,
      std::string name,
      CLI::AppFormatMode mode) const override;

  std::string make_option(const CLI::Option* option, bool is_positional)
      const override;
};

} // namespace coppice::cli
