#pragma once

#include "coppice/export.h"

namespace coppice {

/// The version of the library that runs: major, minor and patch, "1.2.3".
COPPICE_API const char* version();

namespace detail {

/// A program that only loads compiled files calls nothing of Coppice, and many
/// linkers leave out a library that nobody calls; then the files' classes are
/// unknown. This is the call.
[[maybe_unused]] inline const char* const linked_version = version();

} // namespace detail
} // namespace coppice
