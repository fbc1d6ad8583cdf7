#pragma once

#include <optional>
#include <string>
#include <string_view>

/// Escapes of text in pickles of protocol 0.
namespace coppice::archive {

/// Decodes the text between quotes: `\n`, `\x41`, `\101`; nullopt for an
/// invalid escape.
std::optional<std::string> unescaped(std::string_view text);

/// Decodes Latin-1 with `\u0041` and `\U00000041` to UTF-8; nullopt for an
/// invalid escape.
std::optional<std::string> unescaped_unicode(std::string_view text);

} // namespace coppice::archive
