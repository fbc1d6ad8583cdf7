#pragma once

#include <string>

#include "oneshot/sensitivity.h"

namespace coppice::cli {

/// Reads a file of `coppice analyze`.
///
/// Errors: InputError if the file cannot be read or holds something else.
oneshot::Sensitivity read_sensitivity(const std::string& path);

} // namespace coppice::cli
