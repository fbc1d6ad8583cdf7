#include "archive/text_escapes.h"

#include <charconv>
#include <cstdint>

namespace coppice::archive {
namespace {

/// The number in the first `count` digits of `text`.
std::optional<uint32_t> digits(std::string_view text, size_t count, int base) {
  uint32_t number = 0;
  const auto* const end = text.data() + count;
  if (text.size() < count) {
    return std::nullopt;
  }
  const auto [rest, error] = std::from_chars(text.data(), end, number, base);
  return error == std::errc() && rest == end ? std::optional(number)
                                             : std::nullopt;
}

void add_utf8(uint32_t code, std::string& text) {
  const auto low = [code](int shift) {
    return static_cast<char>(0x80 | (code >> shift & 0x3f));
  };
  if (code < 0x80) {
    text += static_cast<char>(code);
  } else if (code < 0x800) {
    text += static_cast<char>(0xc0 | code >> 6);
    text += low(0);
  } else if (code < 0x10000) {
    text += static_cast<char>(0xe0 | code >> 12);
    text += low(6);
    text += low(0);
  } else {
    text += static_cast<char>(0xf0 | code >> 18);
    text += low(12);
    text += low(6);
    text += low(0);
  }
}

/// The length of an octal number of up to three digits.
size_t octal_length(std::string_view text) {
  size_t length = 0;
  while (length < 3 && length < text.size() && text[length] >= '0' &&
         text[length] <= '7') {
    ++length;
  }
  return length;
}

} // namespace

std::optional<std::string> unescaped(std::string_view text) {
  constexpr std::string_view kLetters = "abfnrtv\\'\"";
  constexpr std::string_view kMeanings = "\a\b\f\n\r\t\v\\'\"";
  std::string result;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      result += text[i];
      continue;
    }
    const auto rest = text.substr(i + 1);
    if (rest.empty()) {
      return std::nullopt;
    }
    const size_t octal = octal_length(rest);
    if (const auto at = kLetters.find(rest[0]); at != std::string_view::npos) {
      result += kMeanings[at];
      ++i;
    } else if (rest[0] == 'x') {
      const auto code = digits(rest.substr(1), 2, 16);
      if (!code) {
        return std::nullopt;
      }
      result += static_cast<char>(*code);
      i += 3;
    } else if (octal > 0) {
      result += static_cast<char>(*digits(rest, octal, 8));
      i += octal;
    } else {
      result += '\\'; // As in Python: not an escape.
    }
  }
  return result;
}

std::optional<std::string> unescaped_unicode(std::string_view text) {
  std::string result;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto rest = text.substr(i + 1);
    const bool is_escape =
        text[i] == '\\' && !rest.empty() && (rest[0] == 'u' || rest[0] == 'U');
    if (!is_escape) {
      add_utf8(static_cast<unsigned char>(text[i]), result);
      continue;
    }
    const size_t length = rest[0] == 'u' ? 4 : 8;
    const auto code = digits(rest.substr(1), length, 16);
    if (!code || *code > 0x10ffff) {
      return std::nullopt;
    }
    add_utf8(*code, result);
    i += 1 + length;
  }
  return result;
}

} // namespace coppice::archive
