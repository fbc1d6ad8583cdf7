#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "kernels/buffer.h"
#include "kernels/packing.h"

namespace coppice::kernels {

/// The rows of a panel.
constexpr size_t kPanelRows = 4;

/// The groups of a cell in the order in which they are stored: bit r of a
/// pattern stands for row r. Most weights first, so that the sums of a cell,
/// which wait for each other, wait in the short groups.
constexpr std::array<unsigned, 15> kPatterns =
    {15, 14, 13, 11, 7, 12, 10, 9, 6, 5, 3, 8, 4, 2, 1};

/// A weight for products over a batch: any pattern of zeros.
///
/// Four rows are a panel. The columns of a panel are grouped by which of the
/// four weights are not zero, so that the loop over a group loads each input
/// once and multiplies it with just the weights that are there (Wilkinson,
/// Cheshmi, Dehnavi, "Register Tiling for Unstructured Sparsity in Neural
/// Network Inference", PLDI 2023). Chunks of columns keep the input that is
/// worked on in the first-level cache.
struct PatternPanels {
  /// A panel's part of a chunk: where it begins in `columns` and in `values`.
  struct Cell {
    uint64_t columns;
    uint64_t values;
  };

  size_t rows = 0;
  size_t cols = 0;
  size_t chunk = 1; ///< Columns in a chunk.
  size_t panels = 0;

  Buffer<Cell> cells; ///< [chunks, panels]
  /// A cell: how many columns each of the 15 groups has, then the columns
  /// themselves, counted from the chunk's first.
  Buffer<uint16_t> columns;
  /// A column's weights, from the upper row to the lower.
  Values values;
  Buffer<uint64_t> begins; ///< [panels + 1], for `balanced_range`.
};

/// How many columns a chunk should have for weights of that density (the
/// fraction that is not zero) under batches of that size.
size_t pattern_chunk(double density, size_t batch);

/// Packs `w`, [rows, cols] row-major. A chunk has 1 to 65535 columns.
PatternPanels pack_pattern_panels(
    const float* w,
    size_t rows,
    size_t cols,
    size_t chunk,
    const Packing& packing = {});

/// The weight as it is stored, bit for bit, but for -0, which comes back as 0.
void unpack(const PatternPanels& w, float* dense);

/// How many floats of scratch a call of `pattern_product` needs: few, and the
/// same for every weight.
size_t pattern_scratch_size();

/// y = x W^T + bias for the rows of W in `panels`; y is [batch, rows]
/// row-major, `transposed` is x as `transpose_batch` wrote it, a null `bias` is
/// zero. A sum is added in an order that depends on W, on the batch size and on
/// the instruction set, but not on `panels`.
///
/// Dropped weights are not multiplied: where x is infinite or NaN they do not
/// make y NaN, as they do in a dense product. Denormals count as zero.
void pattern_product(
    const PatternPanels& w,
    const float* transposed,
    size_t batch,
    const float* bias,
    Range panels,
    float* scratch,
    float* y);

} // namespace coppice::kernels
