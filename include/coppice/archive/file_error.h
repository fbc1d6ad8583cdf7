#pragma once

#include <stdexcept>

#include "coppice/export.h"

namespace coppice {

/// A file that cannot be read: broken, unknown or not there. The message is one
/// sentence: which file, what is wrong, where, and what to do.
class COPPICE_API FileError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A file that cannot be written: no room, no permission. The message is one
/// sentence; what stood there before still does.
class COPPICE_API OutputError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

} // namespace coppice
