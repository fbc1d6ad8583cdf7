#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/buffer.h"
#include "kernels/packing.h"

namespace coppice::kernels {

/// The rows of a block: many, so that few runs are short; few, so that threads
/// find equal shares.
constexpr size_t kSortedBlockRows = 64;

/// A weight for products over a batch, of few weights without a pattern.
///
/// Each weight is multiplied with a vector of the batch, a row after another.
/// Rows of few weights would lose more to mispredicted ends of their loops than
/// to multiplications. So a cell, the part of a block of rows that lies in a
/// chunk of columns, has its rows in the order of how many weights they have,
/// and a loop ends where the last one did (sorted as in SELL-C-sigma: Kreutzer,
/// Hager, Wellein, Fehske, Bishop, "A unified sparse matrix data format", SIAM
/// J. Sci. Comput. 36(5), 2014, but with nothing padded). Chunks of columns
/// keep the input that is worked on in the first-level cache.
struct SortedRows {
  /// How many rows of a cell, one after another, have how many weights.
  struct Run {
    uint16_t rows;
    uint16_t weights;
  };
  /// Where a cell begins in `runs`, in `order` and in `values` and `columns`.
  struct Cell {
    uint64_t runs;
    uint64_t order;
    uint64_t values;
  };

  size_t rows = 0;
  size_t cols = 0;
  size_t chunk = 1;  ///< Columns in a chunk.
  size_t blocks = 0; ///< Of `sorted_block_rows()` rows each.

  Buffer<Cell> cells; ///< [chunks * blocks + 1]
  Buffer<Run> runs;
  Buffer<uint16_t> order;   ///< Rows that have weights, counted in their block.
  Buffer<uint16_t> columns; ///< [stored], counted from the chunk's first.
  Values values;            ///< [stored]
  Buffer<uint64_t> begins;  ///< [blocks + 1], for `balanced_range`.
};

/// How many rows a block has.
size_t sorted_block_rows();

/// How many columns a chunk should have for weights of that density (the
/// fraction that is not zero) under batches of that size.
size_t sorted_chunk(double density, size_t batch);

/// Packs `w`, [rows, cols] row-major. A chunk has 1 to 65535 columns.
SortedRows pack_sorted_rows(
    const float* w,
    size_t rows,
    size_t cols,
    size_t chunk,
    const Packing& packing = {});

/// The weight as it is stored, bit for bit, but for -0, which comes back as 0.
void unpack(const SortedRows& w, float* dense);

/// How many floats of scratch a call of `sorted_rows_product` needs: few, and
/// the same for every weight.
size_t sorted_scratch_size();

/// y = x W^T + bias for the rows of W in `blocks`; y is [batch, rows]
/// row-major, `transposed` is x as `transpose_batch` wrote it, a null `bias` is
/// zero. A sum is added in an order that depends on W, on the batch size and on
/// the instruction set, but not on `blocks`.
///
/// Dropped weights are not multiplied: where x is infinite or NaN they do not
/// make y NaN, as they do in a dense product. Denormals count as zero.
void sorted_rows_product(
    const SortedRows& w,
    const float* transposed,
    size_t batch,
    const float* bias,
    Range blocks,
    float* scratch,
    float* y);

} // namespace coppice::kernels
