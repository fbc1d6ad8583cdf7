#pragma once

#include <string>

namespace coppice::cli {

/// Opening a pipe would wait for a writer, and reading a folder fails late and
/// oddly: both are refused here.
///
/// Errors: InputError if `path` is no regular file.
void require_input_file(const std::string& path);

} // namespace coppice::cli
