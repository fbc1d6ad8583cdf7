#include "archive/byte_reader.h"

#include <fmt/format.h>

#include "coppice/archive/file_error.h"

namespace coppice::archive {
namespace {

/// The length in bytes of the first character; zero if it is not UTF-8.
size_t utf8_length(std::string_view text) {
  const auto byte = [text](size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u;
  };
  const unsigned first = byte(0);
  if (first < 0x80) {
    return 1;
  }
  const size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  uint32_t code = first & (0xffu >> (length + 1));
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) {
      return 0;
    }
    code = code << 6 | (byte(i) & 0x3f);
  }
  constexpr uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool is_surrogate = code >= 0xd800 && code < 0xe000;
  const bool good = first >= 0xc2 && first <= 0xf4 &&
      code >= kSmallest[length] && code <= 0x10ffff && !is_surrogate;
  return good ? length : 0;
}

} // namespace

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const size_t length = utf8_length(text);
    if (length == 0) {
      return false;
    }
    text.remove_prefix(length);
  }
  return true;
}

std::string quoted(std::string_view text) {
  constexpr size_t kMaxLength = 80;
  std::string result = "`";
  for (const char c : text.substr(0, kMaxLength)) {
    result += c >= ' ' && c <= '~' && c != '`' ? c : '?';
  }
  return result + (text.size() > kMaxLength ? "...`" : "`");
}

std::string_view ByteReader::take(uint64_t count) {
  if (count > bytes_.size() - offset_) {
    fail(
        fmt::format(
            "needs {} more bytes where {} are left",
            count,
            bytes_.size() - offset_),
        "it is cut short or broken; copy or save it again");
  }
  const auto taken = bytes_.substr(offset_, count);
  offset_ += count;
  return taken;
}

std::string_view ByteReader::line() {
  const auto end = bytes_.find('\n', offset_);
  if (end == std::string_view::npos) {
    fail("ends within a line");
  }
  const auto taken = bytes_.substr(offset_, end - offset_);
  offset_ = end + 1;
  return taken;
}

void ByteReader::fail(std::string_view what, std::string_view advice) const {
  throw FileError(
      fmt::format("{} {} at byte {}; {}.", where_, what, offset_, advice));
}

} // namespace coppice::archive
