#pragma once

#include "coppice/report/table.h"

namespace coppice::report {

/// Errors: c10::ValueError if `row` has more cells than `table` has columns.
void check_row(const Table& table, const std::vector<Cell>& row);

} // namespace coppice::report
