#pragma once

#include "archive/pickle_value.h"

#include <string>

namespace coppice::cli {

/// A value in the notation of the command line: none, true, 3, 0.5, [1, 2.5],
/// "text" or unquoted text.
PickleValue literal_of(const std::string& text);

} // namespace coppice::cli
