#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace coppice::io {

enum class JsonKind : uint8_t {
  None, ///< Missing.
  Null,
  Truth,
  Integer,
  Real,
  Text,
  Array,
  Object,
};

class JsonDocument;

/// A value in a document, which must outlive it, or a missing value. Members of
/// missing values are missing, so that a path needs only one check at its end.
class JsonNode {
 public:
  JsonNode() = default;

  JsonKind kind() const;
  /// False if missing or null.
  explicit operator bool() const;

  std::optional<bool> truth() const;
  std::optional<int64_t> integer() const;
  /// Also for integers, and for "NaN", "Infinity" and "-Infinity".
  std::optional<double> real() const;
  std::optional<std::string_view> text() const;
  /// Its key in the enclosing object; empty otherwise.
  std::string_view key() const;

  /// A member of an object; missing if there is none.
  JsonNode operator[](std::string_view key) const;
  /// The items of an array or the members of an object, in order; empty for
  /// other values.
  std::vector<JsonNode> items() const;

 private:
  friend class JsonDocument;
  JsonNode(const JsonDocument* document, uint32_t at, uint32_t key)
      : document_(document), at_(at), key_(key) {}

  const JsonDocument* document_ = nullptr;
  uint32_t at_ = 0;
  uint32_t key_ = 0; ///< Index of its key; 0 for none.
};

/// A JSON text as a tree of 16 bytes a value plus the strings. Object keys are
/// unique.
class JsonDocument {
 public:
  /// Accepts Python's bare NaN and Infinity.
  ///
  /// Errors: FileError, prefixed by `where`.
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
    uint32_t next = 0; ///< The first value after it and its descendants.
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

  /// In order: an object is followed by the key and value of each member, an
  /// array by its items.
  std::vector<Value> values_;
  std::string texts_;
};

} // namespace coppice::io
