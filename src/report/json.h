#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "coppice/report/table.h"

namespace coppice {

/// An array of one object per row, with the columns' keys in order. Empty cells
/// are null.
///
/// Errors: c10::ValueError if a row has more cells than there are columns.
nlohmann::ordered_json to_json(const Table& table);

/// Indented valid JSON: bytes that are not UTF-8 are replaced, numbers that are
/// not finite become null.
std::string json_text(const nlohmann::ordered_json& json);

} // namespace coppice
