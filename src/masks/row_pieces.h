#pragma once

#include <cstdint>
#include <optional>

#include "coppice/masks/selection.h"

namespace coppice::masks {

/// Pieces of rows whose scores are compared among themselves, and how many of
/// each piece fall.
struct RowPieces {
  int64_t cols;
  int64_t zeros;
};

/// Those of a selection over rows of `cols` scores; none if it looks beyond a
/// row or at blocks.
///
/// Errors: c10::ValueError, which `function` begins, as `select_mask`.
std::optional<RowPieces>
row_pieces(const char* function, const Selection& selection, int64_t cols);

} // namespace coppice::masks
