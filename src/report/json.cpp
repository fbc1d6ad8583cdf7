#include "report/json.h"

#include <type_traits>

#include "report/check_row.h"

namespace coppice {
namespace {

nlohmann::ordered_json to_json(const Cell& cell) {
  return std::visit(
      [](const auto& value) -> nlohmann::ordered_json {
        if constexpr (std::is_same_v<
                          std::decay_t<decltype(value)>,
                          std::monostate>) {
          return nullptr;
        } else {
          return value;
        }
      },
      cell);
}

} // namespace

nlohmann::ordered_json to_json(const Table& table) {
  auto rows = nlohmann::ordered_json::array();
  for (const auto& row : table.rows) {
    report::check_row(table, row);
    auto object = nlohmann::ordered_json::object();
    for (size_t i = 0; i < table.columns.size(); ++i) {
      object[table.columns[i].key] = i < row.size() ? to_json(row[i]) : nullptr;
    }
    rows.push_back(std::move(object));
  }
  return rows;
}

std::string json_text(const nlohmann::ordered_json& json) {
  return json.dump(
      2, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

} // namespace coppice
