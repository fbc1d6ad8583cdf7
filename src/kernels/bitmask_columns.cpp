// AVX-512 with the extensions of Ice Lake, which Highway omits by default.
#define HWY_WANT_AVX3_DL

#include "kernels/bitmask_columns.h"

#include <algorithm>

#include "kernels/flush_denormals.h"
#include "kernels/stored.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/bitmask_columns.cpp"
#include "hwy/foreach_target.h" // IWYU pragma: keep
// After foreach_target.h.
#include "hwy/highway.h"
#include "kernels/expand-inl.h"

HWY_BEFORE_NAMESPACE();
namespace coppice::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Columns at a time: y is loaded and stored once for all of them.
constexpr size_t kColumnsAtOnce = 4;

/// The next mask word and weights of a column.
template <class Value>
struct ColumnCursor {
  const uint64_t* mask;
  const Value* values;
  float input;
};

/// Adds 64 rows of `kCount` columns.
template <size_t kCount, class Value>
HWY_INLINE void AddWords(ColumnCursor<Value>* columns, float* HWY_RESTRICT y) {
  using D = typename Expanding<Value>::D;
  constexpr size_t kLanes = hn::MaxLanes(D());
  const D d;
  // Local copies stay in registers: y may alias the cursors.
  uint64_t masks[kCount];
  const Value* values[kCount];
  hn::Vec<D> inputs[kCount];
  COPPICE_UNROLL
  for (size_t c = 0; c < kCount; ++c) {
    masks[c] = *columns[c].mask++;
    values[c] = columns[c].values;
    inputs[c] = hn::Set(d, columns[c].input);
    columns[c].values += hwy::PopCount(masks[c]);
    PrefetchAhead<1, 1024>(0, columns[c].values);
  }
  COPPICE_UNROLL
  for (size_t i = 0; i < 64 / kLanes; ++i) {
    auto sum = hn::LoadU(d, y + i * kLanes);
    COPPICE_UNROLL
    for (size_t c = 0; c < kCount; ++c) {
      const Value* packed = values[c] + WeightsBefore<kLanes>(masks[c], i);
      const auto weights = Expand(d, masks[c] >> (i * kLanes), packed);
      sum = hn::MulAdd(inputs[c], weights, sum);
    }
    hn::StoreU(sum, d, y + i * kLanes);
  }
}

/// Adds the rows of the last, partial word.
template <size_t kCount, class Value>
HWY_INLINE void AddLastWords(const ColumnCursor<Value>* columns, float* y) {
  for (size_t c = 0; c < kCount; ++c) {
    const Value* values = columns[c].values;
    for (uint64_t left = *columns[c].mask; left != 0; left &= left - 1) {
      float& sum = y[hwy::Num0BitsBelowLS1Bit_Nonzero64(left)];
      sum = MulAddOne(columns[c].input, to_float(*values++), sum);
    }
  }
}

/// Adds `kCount` active columns to the tiles in `tiles`.
template <size_t kCount, class Value>
void AddColumns(
    const BitmaskColumns& w,
    const Value* values,
    const ActiveInput* active,
    Range tiles,
    float* y) {
  constexpr size_t kTileWords = BitmaskColumns::kTileRows / 64;
  ColumnCursor<Value> columns[kCount];
  for (size_t c = 0; c < kCount; ++c) {
    const size_t column = active[c].column;
    columns[c] = {
        w.mask.data() + column * w.words + tiles.begin * kTileWords,
        values + w.begins[column * w.tiles + tiles.begin],
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

template <class Value>
void MultiplyColumns(
    const BitmaskColumns& w,
    const Value* values,
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
  for (; i + kColumnsAtOnce <= count; i += kColumnsAtOnce) {
    AddColumns<kColumnsAtOnce>(w, values, active + i, tiles, y);
  }
  for (; i < count; ++i) {
    AddColumns<1>(w, values, active + i, tiles, y);
  }
}

void BitmaskColumnsProduct(
    const BitmaskColumns& w,
    const ActiveInput* active,
    size_t count,
    const float* bias,
    Range tiles,
    float* y) {
  w.values.visit([&](const auto* values) {
    MultiplyColumns(w, values, active, count, bias, tiles, y);
  });
}

} // namespace coppice::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace coppice::kernels {

HWY_EXPORT(BitmaskColumnsProduct);

namespace {

/// Rows in a word, and as many columns: such a square stays in the L1 cache
/// when read by column.
constexpr size_t kSquare = 64;

/// Writes the mask words of `columns`, at most kSquare, for the rows from `row`
/// on.
void write_words(
    const IsStored& is_stored,
    const float* w,
    size_t row,
    Range columns,
    BitmaskColumns& packed) {
  const size_t rows = std::min(kSquare, packed.rows - row);
  uint64_t words[kSquare] = {};
  for (size_t r = 0; r < rows; ++r) {
    const float* from = w + (row + r) * packed.cols + columns.begin;
    for (size_t c = 0; c < columns.end - columns.begin; ++c) {
      words[c] |= static_cast<uint64_t>(is_stored(from[c])) << r;
    }
  }
  for (size_t c = columns.begin; c < columns.end; ++c) {
    packed.mask[c * packed.words + row / kSquare] = words[c - columns.begin];
  }
}

/// The number of weights of a column in a tile.
uint64_t weights_in(const BitmaskColumns& w, size_t column, size_t tile) {
  constexpr size_t kTileWords = BitmaskColumns::kTileRows / 64;
  const uint64_t* words = w.mask.data() + column * w.words;
  uint64_t count = 0;
  for (size_t i = tile * kTileWords;
       i < std::min((tile + 1) * kTileWords, w.words);
       ++i) {
    count += hwy::PopCount(words[i]);
  }
  return count;
}

/// Stores the weights of `columns`, at most kSquare.
template <class Value>
void store_columns(
    const float* w,
    Range columns,
    const BitmaskColumns& packed,
    Value* values) {
  Value* next[kSquare];
  for (size_t c = columns.begin; c < columns.end; ++c) {
    next[c - columns.begin] = values + packed.begins[c * packed.tiles];
  }
  for (size_t word = 0; word < packed.words; ++word) {
    const float* from = w + word * kSquare * packed.cols;
    for (size_t c = columns.begin; c < columns.end; ++c) {
      Value*& to = next[c - columns.begin];
      const uint64_t bits = packed.mask[c * packed.words + word];
      to = store_set(bits, from + c, to, packed.cols);
    }
  }
}

} // namespace

BitmaskColumns pack_bitmask_columns(
    const float* w,
    size_t rows,
    size_t cols,
    const Packing& packing) {
  const IsStored is_stored(packing.dtype);
  BitmaskColumns packed;
  packed.rows = rows;
  packed.cols = cols;
  packed.tiles =
      (rows + BitmaskColumns::kTileRows - 1) / BitmaskColumns::kTileRows;
  packed.words = (rows + 63) / 64;
  packed.mask.resize(cols * packed.words);
  const auto for_each_square = [&](const auto& body) {
    for_each(packing, (cols + kSquare - 1) / kSquare, [&](size_t square) {
      body({square * kSquare, std::min((square + 1) * kSquare, cols)});
    });
  };
  for_each_square([&](Range columns) {
    for (size_t row = 0; row < rows; row += kSquare) {
      write_words(is_stored, w, row, columns, packed);
    }
  });
  packed.begins = begins_of(packing, cols * packed.tiles, [&](size_t i) {
    return weights_in(packed, i / packed.tiles, i % packed.tiles);
  });
  packed.values = padded_values(packing.dtype, packed.begins.back());
  packed.values.visit([&](auto* values) {
    for_each_square(
        [&](Range columns) { store_columns(w, columns, packed, values); });
  });
  return packed;
}

void unpack(const BitmaskColumns& w, float* dense) {
  w.values.visit([&](const auto* values) {
    for (size_t c = 0; c < w.cols; ++c) {
      for (size_t r = 0; r < w.rows; ++r) {
        const bool stored = w.mask[c * w.words + r / 64] >> r % 64 & 1;
        dense[r * w.cols + c] = stored ? to_float(*values++) : 0.0f;
      }
    }
  });
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
