#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "kernels/packing.h"
#include "kernels/stored.h"

namespace coppice::kernels {

/// A cell of the weight being packed, [rows, cols] at `w`.
struct Cell {
  const float* w;
  size_t rows;
  size_t cols;
  size_t stride; ///< Between rows.
};

/// A weight, [rows, cols] at `w`, divided into units of `unit_rows` rows and
/// chunks of `chunk` columns. Cells are numbered chunk by chunk.
struct CellGrid {
  const float* w;
  size_t rows;
  size_t cols;
  size_t unit_rows;
  size_t chunk;

  size_t units() const {
    return (rows + unit_rows - 1) / unit_rows;
  }
  size_t cells() const {
    return (cols + chunk - 1) / chunk * units();
  }
  Cell at(size_t index) const {
    const size_t row = index % units() * unit_rows;
    const size_t col = index / units() * chunk;
    return {
        w + row * cols + col,
        std::min(unit_rows, rows - row),
        std::min(chunk, cols - col),
        cols};
  }
};

/// Writes `sizes_of(cell)` of every cell to `sizes`. Returns the prefix sums of
/// the weights per unit, [units + 1].
template <class Sizes, class SizesOf>
Buffer<uint64_t> measure_cells(
    const Packing& packing,
    const CellGrid& grid,
    Buffer<Sizes>& sizes,
    SizesOf sizes_of) {
  return begins_of(packing, grid.units(), [&](size_t unit) {
    uint64_t weights = 0;
    for (size_t i = unit; i < grid.cells(); i += grid.units()) {
      sizes[i] = sizes_of(grid.at(i));
      weights += sizes[i].values;
    }
    return weights;
  });
}

} // namespace coppice::kernels
