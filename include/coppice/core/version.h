#pragma once

#include "coppice/export.h"

namespace coppice {

/// The version of the loaded library: major, minor and patch, "1.2.3".
COPPICE_API const char* version();

namespace detail {

/// Many linkers drop a library whose symbols are unused, as in a program that
/// only loads compiled files; the files' classes are then unknown. This uses
/// one.
[[maybe_unused]] inline const char* const linked_version = version();

} // namespace detail
} // namespace coppice
