#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "kernels/buffer.h"
#include "kernels/packing.h"

namespace coppice::kernels {

/// Rows in a panel.
constexpr size_t kPanelRows = 4;

/// The patterns of a cell's groups in the order stored: bit r stands for row r.
/// Groups are a dependency chain through the sums; those with the most weights
/// come first, so that the latency is paid in the short ones.
constexpr std::array<unsigned, 15> kPatterns =
    {15, 14, 13, 11, 7, 12, 10, 9, 6, 5, 3, 8, 4, 2, 1};

/// A weight for products over a batch: any pattern of zeros.
///
/// Four rows are a panel. The columns of a panel are grouped by which of their
/// four weights are nonzero. The loop over a group loads each input once and
/// multiplies it with exactly the weights that exist (Wilkinson, Cheshmi,
/// Dehnavi, "Register Tiling for Unstructured Sparsity in Neural Network
/// Inference", PLDI 2023). Chunks of columns keep the input in the L1 cache.
struct PatternPanels {
  /// The part of a panel in a chunk: where it begins in `columns` and `values`.
  struct Cell {
    uint64_t columns;
    uint64_t values;
  };

  size_t rows = 0;
  size_t cols = 0;
  size_t chunk = 1; ///< Columns in a chunk.
  size_t panels = 0;

  Buffer<Cell> cells; ///< [chunks, panels]
  /// A cell: the sizes of its 15 groups, then their columns, relative to the
  /// chunk.
  Buffer<uint16_t> columns;
  /// The weights column by column, from top to bottom.
  Values values;
  Buffer<uint64_t> begins; ///< [panels + 1], for `balanced_range`.
};

/// A good number of columns in a chunk, for weights of that density (the
/// fraction of nonzeros) and batches of that size.
size_t pattern_chunk(double density, size_t batch);

/// Packs `w`, [rows, cols] row-major. A chunk has 1 to 65535 columns.
PatternPanels pack_pattern_panels(
    const float* w,
    size_t rows,
    size_t cols,
    size_t chunk,
    const Packing& packing = {});

/// The weight as stored, bit for bit, except that -0 becomes 0.
void unpack(const PatternPanels& w, float* dense);

/// The number of scratch floats that a call of `pattern_product` needs: few,
/// and the same for every weight.
size_t pattern_scratch_size();

/// y = x W^T + bias for the rows of W in `panels`; y is [batch, rows]
/// row-major, `transposed` is x as written by `transpose_batch`, a null `bias`
/// means none. The order of summation depends on W, the batch size and the
/// instruction set, but not on `panels`.
///
/// Dropped weights are not multiplied: unlike in a dense product, an infinite
/// or NaN input does not make y NaN through them. Denormals are flushed to
/// zero.
void pattern_product(
    const PatternPanels& w,
    const float* transposed,
    size_t batch,
    const float* bias,
    Range panels,
    float* scratch,
    float* y);

} // namespace coppice::kernels
