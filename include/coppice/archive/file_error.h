#pragma once

#include <stdexcept>

#include "coppice/export.h"

namespace coppice {

/// A file cannot be read: missing, corrupt or of an unknown format. The message
/// is one sentence: which file, what is wrong, where, and what to do.
class COPPICE_API FileError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A file cannot be written: disk full, no permission. The message is one
/// sentence. A previous file of that name is unchanged.
class COPPICE_API OutputError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

} // namespace coppice
