#pragma once

#include <optional>
#include <string>
#include <string_view>

/// The escapes of Python's text in pickles of protocol 0.
namespace coppice::archive {

/// What stands between quotes: `\n`, `\x41`, `\101`; nullopt if an escape is
/// broken.
std::optional<std::string> unescaped(std::string_view text);

/// Latin-1 with `\u0041` and `\U00000041`, as UTF-8.
std::optional<std::string> unescaped_unicode(std::string_view text);

} // namespace coppice::archive
