#include "coppice/report/table.h"

#include <c10/util/Exception.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/check_row.h"

namespace coppice {
namespace {

constexpr const char* kGap = "  ";

std::string printable(std::string text) {
  const auto is_control = [](unsigned char c) { return c < 0x20 || c == 0x7f; };
  std::replace_if(text.begin(), text.end(), is_control, '?');
  return text;
}

/// The number of UTF-8 characters: bytes other than continuation bytes.
size_t width(const std::string& text) {
  return std::count_if(text.begin(), text.end(), [](unsigned char c) {
    return (c & 0xc0) != 0x80;
  });
}

std::string with_thousands(int64_t value) {
  std::string text = fmt::format("{}", value);
  const int64_t first_digit = value < 0 ? 1 : 0;
  for (int64_t at = static_cast<int64_t>(text.size()) - 3; at > first_digit;
       at -= 3) {
    text.insert(at, ",");
  }
  return text;
}

/// Decimal units.
std::string with_unit(double bytes) {
  constexpr const char* kUnits[] = {"kB", "MB", "GB", "TB", "PB", "EB"};
  if (bytes < 1000) {
    return fmt::format("{:.0f} B", bytes);
  }
  size_t unit = 0;
  // 999,995 bytes would print as 1000.00 kB.
  for (bytes /= 1000; bytes >= 999.995 && unit + 1 < std::size(kUnits);
       ++unit) {
    bytes /= 1000;
  }
  return fmt::format("{:.2f} {}", bytes, kUnits[unit]);
}

std::string number_to_text(double value, CellFormat format) {
  switch (format) {
    case CellFormat::kPercent:
      return fmt::format("{:.2f}%", 100 * value);
    case CellFormat::kBytes:
      return with_unit(value);
    default:
      return fmt::format("{:g}", value);
  }
}

std::string aligned(const std::string& text, size_t columns, bool right) {
  const std::string blanks(columns - std::min(columns, width(text)), ' ');
  return right ? blanks + text : text + blanks;
}

using Lines = std::vector<std::vector<std::string>>;

Lines to_lines(const Table& table) {
  Lines lines(1);
  for (const auto& column : table.columns) {
    lines[0].push_back(printable(column.title));
  }
  for (const auto& row : table.rows) {
    report::check_row(table, row);
    auto& line = lines.emplace_back(table.columns.size());
    for (size_t i = 0; i < row.size(); ++i) {
      line[i] = to_text(row[i], table.columns[i].format);
    }
  }
  return lines;
}

std::vector<size_t> widths(const Lines& lines) {
  std::vector<size_t> widest(lines[0].size());
  for (const auto& line : lines) {
    for (size_t i = 0; i < line.size(); ++i) {
      widest[i] = std::max(widest[i], width(line[i]));
    }
  }
  return widest;
}

} // namespace

void report::check_row(const Table& table, const std::vector<Cell>& row) {
  TORCH_CHECK_VALUE(
      row.size() <= table.columns.size(),
      "table: expected at most ",
      table.columns.size(),
      " cells in a row, got ",
      row.size());
}

std::string to_text(const Cell& cell, CellFormat format) {
  if (const auto* text = std::get_if<std::string>(&cell)) {
    return printable(*text);
  }
  if (const auto* count = std::get_if<int64_t>(&cell)) {
    const bool has_unit =
        format == CellFormat::kPercent || format == CellFormat::kBytes;
    return has_unit ? number_to_text(static_cast<double>(*count), format)
                    : with_thousands(*count);
  }
  if (const auto* number = std::get_if<double>(&cell)) {
    return std::isfinite(*number) ? number_to_text(*number, format) : "-";
  }
  return "";
}

std::string to_text(const Table& table) {
  Lines lines = to_lines(table);
  const auto columns = widths(lines);
  std::vector<std::string> rule;
  for (const size_t column : columns) {
    rule.emplace_back(column, '-');
  }
  lines.insert(lines.begin() + 1, rule);

  std::string text;
  for (const auto& line : lines) {
    std::string joined;
    for (size_t i = 0; i < line.size(); ++i) {
      const bool right = table.columns[i].format != CellFormat::kText;
      joined += (i == 0 ? "" : kGap) + aligned(line[i], columns[i], right);
    }
    joined.erase(joined.find_last_not_of(' ') + 1);
    text += joined + '\n';
  }
  return text;
}

} // namespace coppice
