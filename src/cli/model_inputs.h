#pragma once

#include <torch/script.h>

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace coppice::cli {

/// The inputs of a model on a command line.
struct InputOptions {
  std::vector<std::string> inputs; ///< One text per input.
  std::string file;                ///< A file of all inputs.

  /// "1x3x32x32, =16000", or the name of the file.
  std::string text() const;
};

void add_input_options(CLI::App& command, InputOptions& options);

/// Errors: InputError, FileError.
std::vector<c10::IValue> model_inputs(
    const InputOptions& options,
    const torch::jit::Module& module);

/// The error `message` of a failed run, with an option as remedy: the range of
/// made-up integers if an index was out of range.
std::string with_advice(
    const std::string& message,
    const InputOptions& options);

} // namespace coppice::cli
