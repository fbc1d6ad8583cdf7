#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/buffer.h"
#include "kernels/input_columns.h"
#include "kernels/packing.h"

namespace coppice::kernels {

/// A sparse weight for products with a single input that is itself sparse:
/// zeros of the weight and of the input are both skipped. As `BitmaskRows`, but
/// stored by input column.
struct BitmaskColumns {
  /// Rows in a tile, the unit of work of a thread.
  static constexpr size_t kTileRows = 256;

  size_t rows = 0;
  size_t cols = 0;
  size_t tiles = 0;      ///< ceil(rows / kTileRows).
  size_t words = 0;      ///< Mask words in a column: ceil(rows / 64).
  Buffer<uint64_t> mask; ///< [cols, words], lowest bit first.
  Values values;         ///< Padded by 32 zeros, which are read.
  /// [cols * tiles + 1], where each tile of each column begins in `values`.
  Buffer<uint64_t> begins;
};

/// Packs `w`, [rows, cols] row-major.
BitmaskColumns pack_bitmask_columns(
    const float* w,
    size_t rows,
    size_t cols,
    const Packing& packing = {});

/// The weight as stored, bit for bit, except that -0 becomes 0.
void unpack(const BitmaskColumns& w, float* dense);

/// y = W x + bias for the rows of W in `tiles`, over the inputs that
/// `active_inputs` listed; y is [rows], a null `bias` means none.
///
/// Skipped inputs are not multiplied, nor are dropped weights in the last rows
/// % 64 rows. Elsewhere a dropped weight times an infinite or NaN input is NaN,
/// as in a dense product. Denormals are flushed to zero.
void bitmask_columns_product(
    const BitmaskColumns& w,
    const ActiveInput* active,
    size_t count,
    const float* bias,
    Range tiles,
    float* y);

} // namespace coppice::kernels
