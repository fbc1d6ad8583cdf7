#pragma once

#include <string_view>

namespace coppice::io {

/// Whether a name that a file gives is one of a file in a known folder, and no
/// path that leads out of it.
inline bool is_plain_name(std::string_view name) {
  return !name.empty() && name.size() <= 255 && name != "." && name != ".." &&
      name.find('/') == std::string_view::npos &&
      name.find('\0') == std::string_view::npos;
}

} // namespace coppice::io
