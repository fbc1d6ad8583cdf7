#pragma once

#include <ATen/Parallel.h>

#include <algorithm>
#include <cstdint>

#include "masks/grid.h"
#include "masks/masked_weight.h"
#include "masks/ranges.h"

namespace coppice::masks::cpu {

/// Adjacent blocks that a kernel processes together.
struct Strip {
  int64_t element; ///< Index of its first element in the matrix.
  int64_t block;   ///< Index of its first block.
  int64_t rows;
  int64_t width;
};

/// Whether the matrix can be seen as one row: no block crosses the end of a
/// row.
inline bool is_one_row(const Grid& grid) {
  return grid.rows == 1 && grid.w % grid.cols == 0;
}

/// Calls `body(strip)` for pieces of a row of blocks that fit into a core's
/// cache.
template <class Body>
void for_each_piece(const Strip& row, int64_t cols, Body body) {
  const int64_t step = std::max<int64_t>(1, kPiece / cols);
  const int64_t blocks = row.width / cols;
  for (int64_t begin = 0; begin < blocks; begin += step) {
    const int64_t end = std::min(begin + step, blocks);
    body(Strip{
        row.element + begin * cols,
        row.block + begin,
        1,
        (end - begin) * cols});
  }
}

/// Calls `body(strip)` in parallel for strips that cover `grid`. `masked`,
/// unless null, absorbs writes to a strip before.
template <class Body>
void for_each_strip(const Grid& grid, const MaskedWeight* masked, Body body) {
  const auto visit = [&](const Strip& strip) {
    if (masked) {
      masked->absorb_writes(
          strip.element, strip.element + strip.rows * strip.width);
    }
    body(strip);
  };
  if (is_one_row(grid)) {
    const int64_t grain = std::max<int64_t>(1, kGrain / grid.cols);
    at::parallel_for(0, grid.blocks(), grain, [&](int64_t begin, int64_t end) {
      const Strip row{begin * grid.cols, begin, 1, (end - begin) * grid.cols};
      for_each_piece(row, grid.cols, visit);
    });
    return;
  }
  const int64_t stripe = grid.rows * grid.w;
  const int64_t grain = std::max<int64_t>(1, kGrain / stripe);
  at::parallel_for(
      0, grid.block_rows(), grain, [&](int64_t begin, int64_t end) {
        for (int64_t r = begin; r < end; ++r) {
          const int64_t rows = std::min(grid.rows, grid.h - r * grid.rows);
          visit(Strip{r * stripe, r * grid.block_cols(), rows, grid.w});
        }
      });
}

} // namespace coppice::masks::cpu
