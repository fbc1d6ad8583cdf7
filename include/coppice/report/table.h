#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "coppice/export.h"

namespace coppice {

/// One value of a table; monostate is an empty cell, JSON's null.
using Cell = std::variant<std::monostate, std::string, int64_t, double>;

/// How a column's values read as text. JSON gets the values themselves.
enum class CellFormat {
  kText,    ///< As it is, on the left.
  kFigure,  ///< As it is, on the right: text with a number in it.
  kCount,   ///< 1234567 -> 1,234,567
  kPercent, ///< A share, 0.9 -> 90.00%
  kBytes,   ///< 1234567 -> 1.23 MB
};

struct Column {
  std::string key;   ///< The name of the value in JSON.
  std::string title; ///< What stands above it in text.
  CellFormat format = CellFormat::kText;
};

/// Plain rows under named columns: what a report is before it is text or JSON.
struct Table {
  std::vector<Column> columns;
  /// Rows may be shorter than `columns`; cells that are missing are empty.
  std::vector<std::vector<Cell>> rows;
};

/// The cell as a reader sees it. Control characters, which a name from a file
/// may hold, become `?`, so that no file can command the terminal.
COPPICE_API std::string to_text(const Cell& cell, CellFormat format);

/// Aligned columns: a line of titles, a line of dashes, a line a row, no
/// trailing blanks. Text stands on the left, numbers on the right. Widths count
/// UTF-8 characters, not bytes.
///
/// Errors: c10::ValueError if a row has more cells than there are columns.
COPPICE_API std::string to_text(const Table& table);

} // namespace coppice
