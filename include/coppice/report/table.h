#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "coppice/export.h"

namespace coppice {

/// A value of a table; monostate is an empty cell, null in JSON.
using Cell = std::variant<std::monostate, std::string, int64_t, double>;

/// How the values of a column are formatted as text. JSON has the raw values.
enum class CellFormat {
  kText,    ///< Unchanged, left-aligned.
  kFigure,  ///< Unchanged, right-aligned: text with a number.
  kCount,   ///< 1234567 -> 1,234,567
  kPercent, ///< A share, 0.9 -> 90.00%
  kBytes,   ///< 1234567 -> 1.23 MB
};

struct Column {
  std::string key;   ///< The name of the value in JSON.
  std::string title; ///< The heading in text.
  CellFormat format = CellFormat::kText;
};

/// A report before it is formatted as text or JSON.
struct Table {
  std::vector<Column> columns;
  /// Rows may be shorter than `columns`; missing cells are empty.
  std::vector<std::vector<Cell>> rows;
};

/// The formatted cell. Control characters, which names from files may contain,
/// become `?`, so that they cannot control the terminal.
COPPICE_API std::string to_text(const Cell& cell, CellFormat format);

/// Aligned columns: a line of titles, a line of dashes, a line per row, without
/// trailing blanks. Text is left-aligned, numbers are right-aligned. Widths
/// count UTF-8 characters, not bytes.
///
/// Errors: c10::ValueError if a row has more cells than there are columns.
COPPICE_API std::string to_text(const Table& table);

} // namespace coppice
