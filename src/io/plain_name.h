#pragma once

#include <string_view>

namespace coppice::io {

/// Whether a name from an untrusted file is a plain file name, not a path out
/// of its folder.
inline bool is_plain_name(std::string_view name) {
  return !name.empty() && name.size() <= 255 && name != "." && name != ".." &&
      name.find('/') == std::string_view::npos &&
      name.find('\0') == std::string_view::npos;
}

} // namespace coppice::io
