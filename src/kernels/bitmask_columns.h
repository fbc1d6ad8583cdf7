#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/buffer.h"
#include "kernels/input_columns.h"
#include "kernels/packing.h"

namespace coppice::kernels {

/// A sparse weight for products with a single input of which much is zero or
/// small: zeros of the weight and of the input are both left out. As
/// `BitmaskRows`, but stored by input column.
struct BitmaskColumns {
  /// Threads share the rows by tiles of so many.
  static constexpr size_t kTileRows = 256;

  size_t rows = 0;
  size_t cols = 0;
  size_t tiles = 0;      ///< ceil(rows / kTileRows).
  size_t words = 0;      ///< Words of a column: ceil(rows / 64).
  Buffer<uint64_t> mask; ///< [cols, words], the lowest bit first.
  Values values;         ///< With 32 zeros at the end, which are read.
  /// [cols * tiles + 1], where each column's part of a tile begins in `values`.
  Buffer<uint64_t> begins;
};

/// Packs `w`, [rows, cols] row-major.
BitmaskColumns pack_bitmask_columns(
    const float* w,
    size_t rows,
    size_t cols,
    const Packing& packing = {});

/// The weight as it is stored, bit for bit, but for -0, which comes back as 0.
void unpack(const BitmaskColumns& w, float* dense);

/// y = W x + bias for the rows of W in `tiles`, over the inputs that
/// `active_inputs` listed; y is [rows], a null `bias` is zero.
///
/// Skipped inputs and, but in the last rows % 64 rows, only they are not
/// multiplied: a dropped weight times an infinite or NaN input is NaN, as in a
/// dense product. Denormals count as zero.
void bitmask_columns_product(
    const BitmaskColumns& w,
    const ActiveInput* active,
    size_t count,
    const float* bias,
    Range tiles,
    float* y);

} // namespace coppice::kernels
