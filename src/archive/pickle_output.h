#pragma once

#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "archive/pickle_value.h"

namespace coppice::archive {

/// Writes pickle opcodes of protocol 2, with a memo of the values written
/// before.
class PickleOutput {
 public:
  void put(std::string_view bytes) {
    bytes_ += bytes;
  }

  template <class T>
  void put_number(T number) {
    char bytes[sizeof(T)];
    std::memcpy(bytes, &number, sizeof(T));
    put({bytes, sizeof(T)});
  }

  void put_text(const std::string& text);
  /// "module\nname"
  void put_class(const std::string& name);
  void put_integer(int64_t number);
  void put_float(double number);
  void put_bool(bool truth) {
    put(truth ? "\x88" : "\x89");
  }
  void put_big_integer(const std::string& bytes);
  void put_bytes(const PickleBytes& bytes);
  /// A tuple of integers.
  void put_sizes(const std::vector<int64_t>& sizes);

  /// Refers to a value that was written before; false if it was not.
  bool recall(const void* identity) {
    return identity && recall(nodes_, identity);
  }
  /// Memoizes the value just written.
  void remember(const void* identity) {
    remember(nodes_, identity);
  }

  std::string take() {
    return std::move(bytes_);
  }

 private:
  template <class Key>
  bool recall(const std::map<Key, uint32_t>& memo, const Key& key) {
    const auto found = memo.find(key);
    if (found == memo.end()) {
      return false;
    }
    put_index('h', 'j', found->second);
    return true;
  }

  template <class Key>
  void remember(std::map<Key, uint32_t>& memo, const Key& key) {
    put_index('q', 'r', next_);
    memo.emplace(key, next_++);
  }

  /// `small` is the opcode for one-byte indices, `large` for four bytes.
  void put_index(char small, char large, uint32_t index);

  std::string bytes_;
  uint32_t next_ = 0; ///< The next memo index.
  std::map<const void*, uint32_t> nodes_;
  std::map<std::string, uint32_t> texts_;
  std::map<std::string, uint32_t> classes_;
};

} // namespace coppice::archive
