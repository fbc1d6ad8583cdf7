#include <algorithm>
#include <array>

#include "kernels/cells.h"
#include "kernels/sorted_rows.h"
#include "kernels/stored.h"

namespace coppice::kernels {
namespace {

/// The number of weights of a row in a cell, and its index.
struct CellRow {
  size_t weights;
  size_t row;
};

/// The nonempty rows of a cell, those with the most weights first.
struct CellRows {
  std::array<CellRow, kSortedBlockRows> at;
  size_t count = 0;
};

CellRows sorted_rows_of(const IsStored& is_stored, const Cell& cell) {
  CellRows rows;
  for (size_t r = 0; r < cell.rows; ++r) {
    const float* row = cell.w + r * cell.stride;
    const auto weights = std::count_if(row, row + cell.cols, is_stored);
    if (weights > 0) {
      rows.at[rows.count++] = {static_cast<size_t>(weights), r};
    }
  }
  std::sort(
      rows.at.begin(), rows.at.begin() + rows.count, [](auto& a, auto& b) {
        return a.weights != b.weights ? a.weights > b.weights : a.row < b.row;
      });
  return rows;
}

/// Whether row `i` begins a run: its number of weights differs from the row
/// before.
bool begins_run(const CellRows& rows, size_t i) {
  return i == 0 || rows.at[i].weights != rows.at[i - 1].weights;
}

/// The number of entries of a cell in `runs`, `order` and `values`.
SortedRows::Cell sorted_sizes_of(const IsStored& is_stored, const Cell& cell) {
  const auto rows = sorted_rows_of(is_stored, cell);
  SortedRows::Cell sizes{0, rows.count, 0};
  for (size_t i = 0; i < rows.count; ++i) {
    sizes.runs += begins_run(rows, i);
    sizes.values += rows.at[i].weights;
  }
  return sizes;
}

/// Replaces the sizes of cells by their prefix sums; the last entry, an empty
/// one, becomes the total.
void begin_sorted_cells(Buffer<SortedRows::Cell>& cells) {
  SortedRows::Cell next{0, 0, 0};
  for (auto& cell : cells) {
    const auto sizes = cell;
    cell = next;
    next.runs += sizes.runs;
    next.order += sizes.order;
    next.values += sizes.values;
  }
}

template <class Value>
void write_sorted_cell(
    const IsStored& is_stored,
    const Cell& cell,
    const SortedRows::Cell& begin,
    Value* values,
    SortedRows& packed) {
  const auto rows = sorted_rows_of(is_stored, cell);
  auto* runs = packed.runs.data() + begin.runs;
  uint16_t* order = packed.order.data() + begin.order;
  uint16_t* columns = packed.columns.data() + begin.values;
  values += begin.values;
  for (size_t i = 0; i < rows.count; ++i) {
    if (begins_run(rows, i)) {
      *runs++ = {0, static_cast<uint16_t>(rows.at[i].weights)};
    }
    ++runs[-1].rows;
    *order++ = static_cast<uint16_t>(rows.at[i].row);
    const float* row = cell.w + rows.at[i].row * cell.stride;
    for (size_t c = 0; c < cell.cols; ++c) {
      if (is_stored(row[c])) {
        *columns++ = static_cast<uint16_t>(c);
        store(row[c], values++);
      }
    }
  }
}

} // namespace

size_t sorted_block_rows() {
  return kSortedBlockRows;
}

size_t sorted_chunk(double density, size_t batch) {
  // The chunk's input takes 8 to 32 KiB of the L1 cache, and up to twice that
  // where chunks would have few weights.
  const size_t chunk = batch <= 32 ? 256 : 128;
  return density > 0.075 ? chunk : 2 * chunk;
}

SortedRows pack_sorted_rows(
    const float* w,
    size_t rows,
    size_t cols,
    size_t chunk,
    const Packing& packing) {
  const IsStored is_stored(packing.dtype);
  SortedRows packed;
  packed.rows = rows;
  packed.cols = cols;
  packed.chunk = chunk;
  const CellGrid grid{w, rows, cols, kSortedBlockRows, chunk};
  packed.blocks = grid.units();
  packed.cells.resize(grid.cells() + 1);
  packed.cells.back() = {0, 0, 0};
  packed.begins =
      measure_cells(packing, grid, packed.cells, [&](const Cell& cell) {
        return sorted_sizes_of(is_stored, cell);
      });
  begin_sorted_cells(packed.cells);
  const auto& end = packed.cells.back();
  packed.runs.resize(end.runs);
  packed.order.resize(end.order);
  packed.columns.resize(end.values);
  packed.values = Values(packing.dtype, end.values);
  packed.values.visit([&](auto* values) {
    for_each(packing, grid.cells(), [&](size_t i) {
      write_sorted_cell(is_stored, grid.at(i), packed.cells[i], values, packed);
    });
  });
  return packed;
}

void unpack(const SortedRows& w, float* dense) {
  std::fill(dense, dense + w.rows * w.cols, 0.0f);
  w.values.visit([&](const auto* values) {
    const uint16_t* order = w.order.data();
    const uint16_t* columns = w.columns.data();
    for (size_t cell = 0; cell + 1 < w.cells.size(); ++cell) {
      float* to = dense + cell % w.blocks * kSortedBlockRows * w.cols +
          cell / w.blocks * w.chunk;
      for (size_t i = w.cells[cell].runs; i < w.cells[cell + 1].runs; ++i) {
        for (size_t r = 0; r < w.runs[i].rows; ++r) {
          const size_t row = *order++;
          for (size_t k = 0; k < w.runs[i].weights; ++k) {
            to[row * w.cols + *columns++] = to_float(*values++);
          }
        }
      }
    }
  });
}

} // namespace coppice::kernels
