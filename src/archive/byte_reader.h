#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace coppice::archive {

/// "`text`" for messages about a file: shortened, and without control
/// characters.
std::string quoted(std::string_view text);

bool is_utf8(std::string_view text);

/// Reads a little-endian number at `at`. REQUIRES: `at + sizeof(T) <=
/// bytes.size()`.
template <class T>
T number_at(std::string_view bytes, uint64_t at) {
  T number;
  std::memcpy(&number, bytes.data() + at, sizeof(T));
  return number;
}

/// Reads untrusted bytes of a file in order.
class ByteReader {
 public:
  /// `where` begins every message: "model.pt: data.pkl".
  ByteReader(std::string_view bytes, std::string where)
      : bytes_(bytes), where_(std::move(where)) {}

  uint64_t offset() const {
    return offset_;
  }
  uint64_t size() const {
    return bytes_.size();
  }

  /// Errors of all three: FileError if the bytes end too early.
  std::string_view take(uint64_t count);
  /// The bytes up to a newline, which is consumed too.
  std::string_view line();
  template <class T>
  T number() {
    return number_at<T>(take(sizeof(T)), 0);
  }

  /// Throws the FileError "WHERE WHAT at byte OFFSET; ADVICE."
  [[noreturn]] void fail(
      std::string_view what,
      std::string_view advice =
          "it is broken, or no checkpoint; save it again") const;

 private:
  std::string_view bytes_;
  std::string where_;
  uint64_t offset_ = 0;
};

} // namespace coppice::archive
