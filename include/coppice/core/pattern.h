#pragma once

#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>
#include <variant>

#include "coppice/export.h"

namespace coppice {

/// The smallest patch of a weight that is kept or dropped together.
///
/// A weight is seen as a matrix [out, rest]: its first dimension, and all
/// others flattened. Blocks tile it from element (0, 0); blocks at the edges
/// are partial if the shape does not divide.
struct BlockShape {
  int64_t rows = 1;
  int64_t cols = 1;

  /// Elements in a whole block.
  int64_t size() const {
    return rows * cols;
  }
};

/// `n` of every `m` consecutive elements along the input dimension are kept.
struct Nm {
  int64_t n = 2;
  int64_t m = 4;
};

/// Any element may be dropped.
struct Unstructured {};

/// A pattern of zeros.
using Pattern = std::variant<Unstructured, BlockShape, Nm>;

COPPICE_API bool operator==(const BlockShape& a, const BlockShape& b);
COPPICE_API bool operator!=(const BlockShape& a, const BlockShape& b);
COPPICE_API bool operator==(const Nm& a, const Nm& b);
COPPICE_API bool operator==(const Unstructured& a, const Unstructured& b);

/// "unstructured", "1x4" or "2:4".
COPPICE_API std::string to_string(const Pattern& pattern);

/// The inverse of `to_string`.
///
/// Errors: c10::ValueError if `text` has none of the three forms, or not 0 <
///   rows, 0 < cols, 0 < n <= m.
COPPICE_API Pattern parse_pattern(std::string_view text);

COPPICE_API std::ostream& operator<<(
    std::ostream& stream,
    const BlockShape& shape);

} // namespace coppice
