#pragma once

#include <string>
#include <string_view>

namespace coppice::cli {

/// Writes `bytes` to a temporary file beside `path`, flushes it to the disk,
/// and renames it to `path`: a kill at any moment leaves the old file or the
/// new one.
///
/// Errors: WorkError if it cannot be written; no file is left behind.
void write_file(const std::string& path, std::string_view bytes);

/// Makes the folder of `path` if need be and tries to write there: a wrong
/// folder shows before the work, not after it.
///
/// Errors: WorkError if nothing can be written there.
void require_writable(const std::string& path);

/// Makes Ctrl-C and SIGTERM end the program with exit code 130, without the
/// temporary file of a `write_file` that they cut short.
void end_cleanly_on_signals();

} // namespace coppice::cli
