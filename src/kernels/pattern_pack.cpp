#include <algorithm>
#include <array>
#include <vector>

#include "coppice/kernels/pattern_panels.h"
#include "kernels/pattern_panels.h"
#include "kernels/stored.h"

namespace coppice::kernels {
namespace {

/// Columns of a cell by the rows that have a weight there.
using Groups = std::array<std::vector<uint16_t>, 1 << kPanelRows>;

/// Which of `rows` weights, `stride` apart, are stored: bit r for row r.
unsigned pattern_at(const float* w, size_t rows, size_t stride) {
  unsigned pattern = 0;
  for (size_t r = 0; r < rows; ++r) {
    pattern |= static_cast<unsigned>(is_stored(w[r * stride])) << r;
  }
  return pattern;
}

/// Appends a cell, [rows, cols] at `w`, to `packed`.
void append_cell(
    const float* w,
    size_t rows,
    size_t cols,
    Groups& groups,
    PatternPanels& packed) {
  for (auto& group : groups) {
    group.clear();
  }
  for (size_t c = 0; c < cols; ++c) {
    groups[pattern_at(w + c, rows, packed.cols)].push_back(
        static_cast<uint16_t>(c));
  }
  packed.cells.push_back({packed.columns.size(), packed.values.size()});
  for (const unsigned pattern : kPatterns) {
    packed.columns.push_back(static_cast<uint16_t>(groups[pattern].size()));
  }
  for (const unsigned pattern : kPatterns) {
    for (const uint16_t c : groups[pattern]) {
      packed.columns.push_back(c);
      for (size_t r = 0; r < kPanelRows; ++r) {
        if (pattern >> r & 1) {
          packed.values.push_back(w[r * packed.cols + c]);
        }
      }
    }
  }
}

/// How many weights precede each panel, were they stored panel after panel.
Buffer<uint64_t> panel_begins(const float* w, const PatternPanels& packed) {
  Buffer<uint64_t> begins{0};
  for (size_t p = 0; p < packed.panels; ++p) {
    const float* begin = w + p * kPanelRows * packed.cols;
    const float* end =
        w + std::min((p + 1) * kPanelRows, packed.rows) * packed.cols;
    begins.push_back(begins.back() + std::count_if(begin, end, is_stored));
  }
  return begins;
}

} // namespace

size_t pattern_chunk(double density, size_t batch) {
  // At most the first-level cache for the chunk's input. Chunks of few weights
  // lose more to their beginnings and ends than the cache gains.
  if (batch <= 8) {
    return density > 0.15 ? 512 : density > 0.075 ? 2048 : 4096;
  }
  const size_t chunk = batch <= 32 ? 256 : 128;
  return density > 0.15 ? chunk : 2 * chunk;
}

PatternPanels
pack_pattern_panels(const float* w, size_t rows, size_t cols, size_t chunk) {
  PatternPanels packed;
  packed.rows = rows;
  packed.cols = cols;
  packed.chunk = chunk;
  packed.panels = (rows + kPanelRows - 1) / kPanelRows;
  packed.begins = panel_begins(w, packed);
  packed.values.reserve(packed.begins.back());
  Groups groups;
  for (size_t c = 0; c < cols; c += chunk) {
    for (size_t r = 0; r < rows; r += kPanelRows) {
      append_cell(
          w + r * cols + c,
          std::min(kPanelRows, rows - r),
          std::min(chunk, cols - c),
          groups,
          packed);
    }
  }
  return packed;
}

void unpack(const PatternPanels& w, float* dense) {
  std::fill(dense, dense + w.rows * w.cols, 0.0f);
  for (size_t cell = 0; cell < w.cells.size(); ++cell) {
    const uint16_t* counts = w.columns.data() + w.cells[cell].columns;
    const uint16_t* columns = counts + kPatterns.size();
    const float* values = w.values.data() + w.cells[cell].values;
    const size_t row = cell % w.panels * kPanelRows;
    float* to = dense + row * w.cols + cell / w.panels * w.chunk;
    for (size_t g = 0; g < kPatterns.size(); ++g) {
      for (size_t i = 0; i < counts[g]; ++i, ++columns) {
        for (size_t r = 0; r < kPanelRows; ++r) {
          if (kPatterns[g] >> r & 1) {
            to[r * w.cols + *columns] = *values++;
          }
        }
      }
    }
  }
}

} // namespace coppice::kernels
