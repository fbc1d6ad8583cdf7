#pragma once

#include <torch/script.h>

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace coppice::cli {

/// What a model runs on, as a command line says it.
struct InputOptions {
  std::vector<std::string> inputs; ///< One each, made up.
  std::string file;                ///< All of them.

  /// "1x3x32x32, =16000", or the name of the file.
  std::string text() const;
};

void add_input_options(CLI::App& command, InputOptions& options);

/// Errors: InputError, FileError.
std::vector<c10::IValue> model_inputs(
    const InputOptions& options,
    const torch::jit::Module& module);

/// `message` of a model that does not run, with the option that may mend it: an
/// index that is out of range asks for the range of made-up integers.
std::string with_advice(
    const std::string& message,
    const InputOptions& options);

} // namespace coppice::cli
