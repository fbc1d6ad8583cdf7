#include "coppice/kernels/bitmask_columns.h"

#include <algorithm>

#include "coppice/kernels/flush_denormals.h"
#include "kernels/stored.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/bitmask_columns.cpp"
#include "hwy/foreach_target.h" // IWYU pragma: keep
// After foreach_target.h.
#include "hwy/cache_control.h"
#include "hwy/highway.h"
#include "kernels/expand-inl.h"

HWY_BEFORE_NAMESPACE();
namespace coppice::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Columns that pass together: y is loaded and stored once for all of them.
constexpr size_t kTogether = 4;

/// A column's next word of mask and its weights.
struct ColumnCursor {
  const uint64_t* mask;
  const float* values;
  float input;
};

/// Adds 64 rows of `kCount` columns.
template <size_t kCount>
HWY_INLINE void AddWords(ColumnCursor* columns, float* HWY_RESTRICT y) {
  const Wide d;
  constexpr size_t kAhead = 256;
  // Copies in registers: for all the compiler knows, y overlaps the cursors.
  uint64_t masks[kCount];
  const float* values[kCount];
  hn::Vec<Wide> inputs[kCount];
  COPPICE_UNROLL
  for (size_t c = 0; c < kCount; ++c) {
    masks[c] = *columns[c].mask++;
    values[c] = columns[c].values;
    inputs[c] = hn::Set(d, columns[c].input);
    columns[c].values += hwy::PopCount(masks[c]);
    hwy::Prefetch(columns[c].values + kAhead);
  }
  COPPICE_UNROLL
  for (size_t i = 0; i < 64 / kWideLanes; ++i) {
    auto sum = hn::LoadU(d, y + i * kWideLanes);
    COPPICE_UNROLL
    for (size_t c = 0; c < kCount; ++c) {
      const uint64_t below = (uint64_t(1) << (i * kWideLanes)) - 1;
      const float* packed = values[c] + hwy::PopCount(masks[c] & below);
      const auto weights = Expand(d, masks[c] >> (i * kWideLanes), packed);
      sum = hn::MulAdd(inputs[c], weights, sum);
    }
    hn::StoreU(sum, d, y + i * kWideLanes);
  }
}

/// Adds the rows that the last word covers in part.
template <size_t kCount>
HWY_INLINE void AddLastWords(const ColumnCursor* columns, float* y) {
  for (size_t c = 0; c < kCount; ++c) {
    const float* values = columns[c].values;
    for (uint64_t left = *columns[c].mask; left != 0; left &= left - 1) {
      float& sum = y[hwy::Num0BitsBelowLS1Bit_Nonzero64(left)];
      sum = MulAddOne(columns[c].input, *values++, sum);
    }
  }
}

/// Adds `kCount` active columns to the tiles in `tiles`.
template <size_t kCount>
void AddColumns(
    const BitmaskColumns& w,
    const ActiveInput* active,
    Range tiles,
    float* y) {
  constexpr size_t kTileWords = BitmaskColumns::kTileRows / 64;
  ColumnCursor columns[kCount];
  for (size_t c = 0; c < kCount; ++c) {
    const size_t column = active[c].column;
    columns[c] = {
        w.mask.data() + column * w.words + tiles.begin * kTileWords,
        w.values.data() + w.begins[column * w.tiles + tiles.begin],
        active[c].value};
  }
  const size_t end = std::min(tiles.end * BitmaskColumns::kTileRows, w.rows);
  size_t row = tiles.begin * BitmaskColumns::kTileRows;
  for (; row + 64 <= end; row += 64) {
    AddWords<kCount>(columns, y + row);
  }
  if (row < end) {
    AddLastWords<kCount>(columns, y + row);
  }
}

void BitmaskColumnsProduct(
    const BitmaskColumns& w,
    const ActiveInput* active,
    size_t count,
    const float* bias,
    Range tiles,
    float* y) {
  if (tiles.begin >= tiles.end) {
    return;
  }
  const size_t begin = tiles.begin * BitmaskColumns::kTileRows;
  const size_t end = std::min(tiles.end * BitmaskColumns::kTileRows, w.rows);
  for (size_t r = begin; r < end; ++r) {
    y[r] = bias ? bias[r] : 0.0f;
  }
  size_t i = 0;
  for (; i + kTogether <= count; i += kTogether) {
    AddColumns<kTogether>(w, active + i, tiles, y);
  }
  for (; i < count; ++i) {
    AddColumns<1>(w, active + i, tiles, y);
  }
}

} // namespace coppice::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace coppice::kernels {

HWY_EXPORT(BitmaskColumnsProduct);

BitmaskColumns pack_bitmask_columns(const float* w, size_t rows, size_t cols) {
  BitmaskColumns packed;
  packed.rows = rows;
  packed.cols = cols;
  packed.tiles =
      (rows + BitmaskColumns::kTileRows - 1) / BitmaskColumns::kTileRows;
  packed.words = (rows + 63) / 64;
  packed.mask.resize(cols * packed.words);
  packed.values.reserve(std::count_if(w, w + rows * cols, is_stored) + 16);
  packed.begins.reserve(cols * packed.tiles);
  for (size_t c = 0; c < cols; ++c) {
    for (size_t r = 0; r < rows; ++r) {
      if (r % BitmaskColumns::kTileRows == 0) {
        packed.begins.push_back(packed.values.size());
      }
      const float value = w[r * cols + c];
      if (is_stored(value)) {
        packed.values.push_back(value);
        packed.mask[c * packed.words + r / 64] |= uint64_t(1) << r % 64;
      }
    }
  }
  packed.values.resize(packed.values.size() + 16);
  return packed;
}

void unpack(const BitmaskColumns& w, float* dense) {
  const float* values = w.values.data();
  for (size_t c = 0; c < w.cols; ++c) {
    for (size_t r = 0; r < w.rows; ++r) {
      const bool stored = w.mask[c * w.words + r / 64] >> r % 64 & 1;
      dense[r * w.cols + c] = stored ? *values++ : 0.0f;
    }
  }
}

void bitmask_columns_product(
    const BitmaskColumns& w,
    const ActiveInput* active,
    size_t count,
    const float* bias,
    Range tiles,
    float* y) {
  const FlushDenormals flush;
  HWY_DYNAMIC_DISPATCH(BitmaskColumnsProduct)
  (w, active, count, bias, tiles, y);
}

} // namespace coppice::kernels
#endif // HWY_ONCE
