#pragma once

#include <exception>
#include <string>

namespace coppice::graph {

/// The reason why a model does not run, without a full stop: what is wrong and,
/// if known, what to do. Without TorchScript's traceback, C++ names and mangled
/// names. Messages that the model raises are quoted.
std::string run_error(const std::exception& error);

/// The same for the text of an error. `is_own`: the model raised it.
std::string run_error(const std::string& text, bool is_own = false);

/// The first line of an error, without TorchScript's traceback and C++ names.
std::string first_line(const std::exception& error);

} // namespace coppice::graph
