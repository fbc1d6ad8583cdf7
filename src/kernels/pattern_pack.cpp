#include <algorithm>
#include <array>
#include <vector>

#include "kernels/cells.h"
#include "kernels/pattern_panels.h"
#include "kernels/stored.h"

namespace coppice::kernels {
namespace {

/// The pattern of a cell's column: bit r if row r is stored.
unsigned pattern_at(const IsStored& is_stored, const Cell& cell, size_t col) {
  return static_cast<unsigned>(
      is_stored.bits(cell.w + col, cell.rows, cell.stride));
}

/// The columns of a cell by their pattern.
using Groups = std::array<std::vector<uint16_t>, 1 << kPanelRows>;

/// Writes the columns and weights of a cell.
template <class Value>
void write_cell(
    const IsStored& is_stored,
    const Cell& cell,
    uint16_t* columns,
    Value* values) {
  thread_local Groups groups;
  for (auto& group : groups) {
    group.clear();
  }
  for (size_t c = 0; c < cell.cols; ++c) {
    groups[pattern_at(is_stored, cell, c)].push_back(static_cast<uint16_t>(c));
  }
  for (const unsigned pattern : kPatterns) {
    *columns++ = static_cast<uint16_t>(groups[pattern].size());
  }
  for (const unsigned pattern : kPatterns) {
    columns =
        std::copy(groups[pattern].begin(), groups[pattern].end(), columns);
    for (const uint16_t c : groups[pattern]) {
      values = store_set(pattern, cell.w + c, values, cell.stride);
    }
  }
}

/// The number of entries of a cell in `columns` and `values`.
PatternPanels::Cell sizes_of(const IsStored& is_stored, const Cell& cell) {
  PatternPanels::Cell sizes{kPatterns.size(), 0};
  for (size_t c = 0; c < cell.cols; ++c) {
    const unsigned pattern = pattern_at(is_stored, cell, c);
    sizes.columns += pattern != 0;
    sizes.values += static_cast<uint64_t>(__builtin_popcount(pattern));
  }
  return sizes;
}

/// Replaces the sizes of cells by their prefix sums, and returns the total.
PatternPanels::Cell begin_cells(Buffer<PatternPanels::Cell>& cells) {
  PatternPanels::Cell next{0, 0};
  for (auto& cell : cells) {
    const auto sizes = cell;
    cell = next;
    next.columns += sizes.columns;
    next.values += sizes.values;
  }
  return next;
}

} // namespace

size_t pattern_chunk(double density, size_t batch) {
  // The chunk's input fits the L1 cache. Chunks of few weights lose more to
  // loop overhead than they gain from the cache.
  if (batch <= 8) {
    return density > 0.15 ? 512 : density > 0.075 ? 2048 : 4096;
  }
  const size_t chunk = batch <= 32 ? 256 : 128;
  return density > 0.15 ? chunk : 2 * chunk;
}

PatternPanels pack_pattern_panels(
    const float* w,
    size_t rows,
    size_t cols,
    size_t chunk,
    const Packing& packing) {
  const IsStored is_stored(packing.dtype);
  PatternPanels packed;
  packed.rows = rows;
  packed.cols = cols;
  packed.chunk = chunk;
  const CellGrid grid{w, rows, cols, kPanelRows, chunk};
  packed.panels = grid.units();
  packed.cells.resize(grid.cells());
  packed.begins =
      measure_cells(packing, grid, packed.cells, [&](const Cell& cell) {
        return sizes_of(is_stored, cell);
      });
  const auto end = begin_cells(packed.cells);
  packed.columns.resize(end.columns);
  packed.values = Values(packing.dtype, end.values);
  packed.values.visit([&](auto* values) {
    for_each(packing, packed.cells.size(), [&](size_t i) {
      write_cell(
          is_stored,
          grid.at(i),
          packed.columns.data() + packed.cells[i].columns,
          values + packed.cells[i].values);
    });
  });
  return packed;
}

void unpack(const PatternPanels& w, float* dense) {
  std::fill(dense, dense + w.rows * w.cols, 0.0f);
  w.values.visit([&](const auto* first) {
    for (size_t cell = 0; cell < w.cells.size(); ++cell) {
      const uint16_t* counts = w.columns.data() + w.cells[cell].columns;
      const uint16_t* columns = counts + kPatterns.size();
      const auto* values = first + w.cells[cell].values;
      const size_t row = cell % w.panels * kPanelRows;
      float* to = dense + row * w.cols + cell / w.panels * w.chunk;
      for (size_t g = 0; g < kPatterns.size(); ++g) {
        for (size_t i = 0; i < counts[g]; ++i, ++columns) {
          for (size_t r = 0; r < kPanelRows; ++r) {
            if (kPatterns[g] >> r & 1) {
              to[r * w.cols + *columns] = to_float(*values++);
            }
          }
        }
      }
    }
  });
}

} // namespace coppice::kernels
