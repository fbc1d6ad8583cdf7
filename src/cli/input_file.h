#pragma once

#include <string>

namespace coppice::cli {

/// Rejects pipes, whose opening waits for a writer, and folders.
///
/// Errors: InputError if `path` is not a regular file.
void require_input_file(const std::string& path);

} // namespace coppice::cli
