#pragma once

#include <string>

namespace coppice::cli {

/// Makes Ctrl-C and SIGTERM remove the temporary file of an output and end the
/// program with exit code 130.
void end_cleanly_on_signals();

/// What the program says when it is interrupted, without "coppice: ": one line,
/// of which the begin is kept if it is longer than a path can be.
std::string interrupted_text();
void set_interrupted_text(const std::string& text);

} // namespace coppice::cli
