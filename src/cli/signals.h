#pragma once

namespace coppice::cli {

/// Makes Ctrl-C and SIGTERM end the program with exit code 130, without the
/// temporary file of an output that they cut short.
void end_cleanly_on_signals();

} // namespace coppice::cli
