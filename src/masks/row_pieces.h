#pragma once

#include <cstdint>
#include <optional>

#include "coppice/masks/selection.h"

namespace coppice::masks {

/// Groups of consecutive scores in a row that are compared with one another,
/// and how many of each are dropped.
struct RowPieces {
  int64_t cols;
  int64_t zeros;
};

/// Those of a selection over rows of `cols` scores; nullopt if it spans rows or
/// blocks.
///
/// Errors: c10::ValueError, with the prefix `function`, as `select_mask`.
std::optional<RowPieces>
row_pieces(const char* function, const Selection& selection, int64_t cols);

} // namespace coppice::masks
