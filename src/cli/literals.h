#pragma once

#include "archive/pickle_value.h"

#include <string>

namespace coppice::cli {

/// A value as a command line writes it: none, true, 3, 0.5, [1, 2.5], "text" or
/// text without quotes.
PickleValue literal_of(const std::string& text);

} // namespace coppice::cli
