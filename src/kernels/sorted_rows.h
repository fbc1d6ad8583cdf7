#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/buffer.h"
#include "kernels/packing.h"

namespace coppice::kernels {

/// Rows in a block: enough that runs are long, few enough that threads get
/// equal shares.
constexpr size_t kSortedBlockRows = 64;

/// A weight for products over a batch: unstructured and very sparse.
///
/// Each weight is multiplied with a vector of the batch, row after row. Rows of
/// few weights would lose more to branch mispredictions at the end of their
/// loops than to multiplications. So the rows of a cell, the part of a block of
/// rows in a chunk of columns, are sorted by their number of weights, and
/// consecutive loops have the same length (as in SELL-C-sigma: Kreutzer, Hager,
/// Wellein, Fehske, Bishop, "A unified sparse matrix data format", SIAM J. Sci.
/// Comput. 36(5), 2014, but without padding). Chunks of columns keep the input
/// in the L1 cache.
struct SortedRows {
  /// `rows` consecutive rows of a cell that have `weights` weights each.
  struct Run {
    uint16_t rows;
    uint16_t weights;
  };
  /// Where a cell begins in `runs`, in `order`, and in `values` and `columns`.
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
  Buffer<uint16_t> order;   ///< Nonempty rows, relative to the block.
  Buffer<uint16_t> columns; ///< [stored], relative to the chunk.
  Values values;            ///< [stored]
  Buffer<uint64_t> begins;  ///< [blocks + 1], for `balanced_range`.
};

/// Rows in a block.
size_t sorted_block_rows();

/// A good number of columns in a chunk, for weights of that density (the
/// fraction of nonzeros) and batches of that size.
size_t sorted_chunk(double density, size_t batch);

/// Packs `w`, [rows, cols] row-major. A chunk has 1 to 65535 columns.
SortedRows pack_sorted_rows(
    const float* w,
    size_t rows,
    size_t cols,
    size_t chunk,
    const Packing& packing = {});

/// The weight as stored, bit for bit, except that -0 becomes 0.
void unpack(const SortedRows& w, float* dense);

/// The number of scratch floats that a call of `sorted_rows_product` needs:
/// few, and the same for every weight.
size_t sorted_scratch_size();

/// y = x W^T + bias for the rows of W in `blocks`; y is [batch, rows]
/// row-major, `transposed` is x as written by `transpose_batch`, a null `bias`
/// means none. The order of summation depends on W, the batch size and the
/// instruction set, but not on `blocks`.
///
/// Dropped weights are not multiplied: unlike in a dense product, an infinite
/// or NaN input does not make y NaN through them. Denormals are flushed to
/// zero.
void sorted_rows_product(
    const SortedRows& w,
    const float* transposed,
    size_t batch,
    const float* bias,
    Range blocks,
    float* scratch,
    float* y);

} // namespace coppice::kernels
