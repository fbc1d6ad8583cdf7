#pragma once

namespace coppice::cli {

/// Makes Ctrl-C and SIGTERM remove the temporary file of an output and end the
/// program with exit code 130.
void end_cleanly_on_signals();

} // namespace coppice::cli
