#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace coppice::io {

enum class JsonKind : uint8_t {
  None, ///< What is not there.
  Null,
  Truth,
  Integer,
  Real,
  Text,
  Array,
  Object,
};

class JsonDocument;

/// A value in a document that outlives it, or one that is not there: what is
/// asked of that is not there either, so that a path needs one check at its
/// end.
class JsonNode {
 public:
  JsonNode() = default;

  JsonKind kind() const;
  /// False if it is not there or null.
  explicit operator bool() const;

  std::optional<bool> truth() const;
  std::optional<int64_t> integer() const;
  /// Also of an integer, and of "NaN", "Infinity" and "-Infinity".
  std::optional<double> real() const;
  std::optional<std::string_view> text() const;
  /// Its name in the object that it is a member of.
  std::string_view key() const;

  /// A member of an object.
  JsonNode operator[](std::string_view key) const;
  /// The items of an array or the members of an object, in their order; none
  /// of anything else.
  std::vector<JsonNode> items() const;

 private:
  friend class JsonDocument;
  JsonNode(const JsonDocument* document, uint32_t at, uint32_t key)
      : document_(document), at_(at), key_(key) {}

  const JsonDocument* document_ = nullptr;
  uint32_t at_ = 0;
  uint32_t key_ = 0; ///< Where its key stands; 0: it has none.
};

/// A JSON text as a tree that takes 16 bytes a value besides the texts. No
/// object in it has a member twice.
class JsonDocument {
 public:
  /// Python's bare NaN and Infinity are taken too.
  ///
  /// Errors: FileError, which begins with `where`.
  static std::shared_ptr<const JsonDocument> parse(
      std::string_view text,
      const std::string& where);

  JsonNode root() const {
    return {this, 0, 0};
  }

 private:
  friend class JsonNode;
  friend class JsonTreeEvents;

  struct Value {
    JsonKind kind = JsonKind::None;
    uint32_t next = 0; ///< The first value behind it and all that it holds.
    union {
      int64_t integer;
      double real;
      struct {
        uint32_t begin;
        uint32_t size;
      } text; ///< In `texts_`.
    };
    Value() : integer(0) {}
  };

  std::string_view text_of(const Value& value) const {
    return std::string_view(texts_).substr(value.text.begin, value.text.size);
  }

  /// An object is followed by the key and value of each member, an array by
  /// its items.
  std::vector<Value> values_;
  std::string texts_;
};

} // namespace coppice::io
