#include <algorithm>
#include <array>

#include "coppice/kernels/sorted_rows.h"
#include "kernels/sorted_rows.h"
#include "kernels/stored.h"

namespace coppice::kernels {
namespace {

/// Rows of a cell, and how many weights each has.
struct CellRow {
  size_t weights;
  size_t row;
};

/// Appends a cell, [rows, cols] at `w`, to `packed`.
void append_sorted_cell(
    const float* w,
    size_t rows,
    size_t cols,
    SortedRows& packed) {
  std::array<CellRow, kSortedBlockRows> sorted;
  for (size_t r = 0; r < rows; ++r) {
    const float* row = w + r * packed.cols;
    const auto count = std::count_if(row, row + cols, is_stored);
    sorted[r] = {static_cast<size_t>(count), r};
  }
  std::sort(sorted.begin(), sorted.begin() + rows, [](auto& a, auto& b) {
    return a.weights != b.weights ? a.weights > b.weights : a.row < b.row;
  });
  packed.cells.push_back(
      {packed.runs.size(), packed.order.size(), packed.values.size()});
  size_t last = 0;
  for (size_t i = 0; i < rows && sorted[i].weights > 0; ++i) {
    if (sorted[i].weights != last) {
      last = sorted[i].weights;
      packed.runs.push_back({0, static_cast<uint16_t>(last)});
    }
    ++packed.runs.back().rows;
    packed.order.push_back(static_cast<uint16_t>(sorted[i].row));
    const float* row = w + sorted[i].row * packed.cols;
    for (size_t c = 0; c < cols; ++c) {
      if (is_stored(row[c])) {
        packed.columns.push_back(static_cast<uint16_t>(c));
        packed.values.push_back(row[c]);
      }
    }
  }
}

} // namespace

size_t sorted_block_rows() {
  return kSortedBlockRows;
}

size_t sorted_chunk(double density, size_t batch) {
  // The chunk's input in a part of the first-level cache: 8 to 32 KiB, and up
  // to twice that where chunks would have but few weights.
  const size_t chunk = batch <= 32 ? 256 : 128;
  return density > 0.075 ? chunk : 2 * chunk;
}

SortedRows
pack_sorted_rows(const float* w, size_t rows, size_t cols, size_t chunk) {
  SortedRows packed;
  packed.rows = rows;
  packed.cols = cols;
  packed.chunk = chunk;
  packed.blocks = (rows + kSortedBlockRows - 1) / kSortedBlockRows;
  packed.begins.push_back(0);
  for (size_t r = 0; r < rows; r += kSortedBlockRows) {
    const float* begin = w + r * cols;
    const float* end = w + std::min(r + kSortedBlockRows, rows) * cols;
    packed.begins.push_back(
        packed.begins.back() + std::count_if(begin, end, is_stored));
  }
  packed.columns.reserve(packed.begins.back());
  packed.values.reserve(packed.begins.back());
  for (size_t c = 0; c < cols; c += chunk) {
    for (size_t r = 0; r < rows; r += kSortedBlockRows) {
      append_sorted_cell(
          w + r * cols + c,
          std::min(kSortedBlockRows, rows - r),
          std::min(chunk, cols - c),
          packed);
    }
  }
  packed.cells.push_back(
      {packed.runs.size(), packed.order.size(), packed.values.size()});
  return packed;
}

void unpack(const SortedRows& w, float* dense) {
  std::fill(dense, dense + w.rows * w.cols, 0.0f);
  const uint16_t* order = w.order.data();
  const uint16_t* columns = w.columns.data();
  const float* values = w.values.data();
  for (size_t cell = 0; cell + 1 < w.cells.size(); ++cell) {
    float* to = dense + cell % w.blocks * kSortedBlockRows * w.cols +
        cell / w.blocks * w.chunk;
    for (size_t i = w.cells[cell].runs; i < w.cells[cell + 1].runs; ++i) {
      for (size_t r = 0; r < w.runs[i].rows; ++r) {
        const size_t row = *order++;
        for (size_t k = 0; k < w.runs[i].weights; ++k) {
          to[row * w.cols + *columns++] = *values++;
        }
      }
    }
  }
}

} // namespace coppice::kernels
