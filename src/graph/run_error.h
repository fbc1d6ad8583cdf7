#pragma once

#include <exception>
#include <string>

namespace coppice::graph {

/// What a model says when it does not run, as the rest of a sentence, without a
/// full stop: what is wrong and, where that is known, what to do. TorchScript's
/// account of where it was, names of C++ and mangled names are gone. What the
/// model raises itself is in its own words.
std::string run_error(const std::exception& error);

/// The same of the text of an error alone. `is_own` if the model raised it.
std::string run_error(const std::string& text, bool is_own = false);

/// An error in its first line, without TorchScript's account of where it was
/// and without names of C++.
std::string first_line(const std::exception& error);

} // namespace coppice::graph
