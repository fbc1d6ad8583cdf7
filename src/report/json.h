#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "coppice/report/table.h"

namespace coppice {

/// An object a row, its values under the keys of the columns, in their order.
/// Empty cells are null.
///
/// Errors: c10::ValueError if a row has more cells than there are columns.
nlohmann::ordered_json to_json(const Table& table);

/// Indented text that any JSON reader takes: bytes that are not UTF-8 are
/// replaced, numbers that are not finite become null.
std::string json_text(const nlohmann::ordered_json& json);

} // namespace coppice
