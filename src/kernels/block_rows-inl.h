// Drops the lowest values in each block of a row of blocks. Compiled once per
// instruction set.
#if defined(COPPICE_KERNELS_BLOCK_ROWS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef COPPICE_KERNELS_BLOCK_ROWS_INL_H_
#undef COPPICE_KERNELS_BLOCK_ROWS_INL_H_
#else
#define COPPICE_KERNELS_BLOCK_ROWS_INL_H_
#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "hwy/highway.h"
#include "kernels/cut-inl.h"
#include "kernels/cut.h"
#include "kernels/order-inl.h"
#include "kernels/small_groups-inl.h"

HWY_BEFORE_NAMESPACE();
namespace coppice::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Four mask bytes of 1. Highway's targets are all little-endian.
constexpr int32_t kKeepFour = 0x01010101;

/// Expands the byte of each block at `block_mask` to four mask bytes.
HWY_INLINE IntVec FourBytesOf(const uint8_t* block_mask) {
  const Ints d;
  const hn::Rebind<uint8_t, Ints> bytes;
  const auto kept = hn::PromoteTo(d, hn::LoadU(bytes, block_mask));
  return hn::And(hn::Sub(hn::Zero(d), kept), hn::Set(d, kKeepFour));
}

/// -1 where y < x, so that of equal keys the left one is dropped first.
HWY_INLINE IntVec Less(IntVec y, IntVec x) {
  return hn::VecFromMask(Ints(), hn::Lt(y, x));
}

/// Four mask bytes a block: an element is kept if at least `zeros` of the other
/// three are dropped before it.
HWY_INLINE IntVec
KeepInFour(IntVec a, IntVec b, IntVec c, IntVec d, IntVec zeros) {
  const Ints di;
  const auto byte = [&](IntVec drops_before, int32_t keep) {
    const auto dropped = hn::Gt(zeros, drops_before);
    return hn::IfThenZeroElse(dropped, hn::Set(di, keep));
  };
  const auto ba = Less(b, a);
  const auto ca = Less(c, a);
  const auto da = Less(d, a);
  const auto cb = Less(c, b);
  const auto db = Less(d, b);
  const auto dc = Less(d, c);
  const auto before_a = hn::Neg(hn::Add(hn::Add(ba, ca), da));
  const auto before_b = hn::Sub(hn::Add(hn::Set(di, 1), ba), hn::Add(cb, db));
  const auto before_c = hn::Sub(hn::Add(hn::Set(di, 2), ca), hn::Sub(dc, cb));
  const auto before_d = hn::Add(hn::Add(hn::Set(di, 3), da), hn::Add(db, dc));
  return hn::Or(
      hn::Or(byte(before_a, 1), byte(before_b, 1 << 8)),
      hn::Or(byte(before_c, 1 << 16), byte(before_d, 1 << 24)));
}

/// A row of blocks [rows, cols] of which each drops `zeros` elements.
struct BlockRow {
  const float* values;
  size_t rows;
  size_t width;
  size_t cols;
  size_t zeros;
  const uint8_t* block_mask;
  uint8_t* mask;
};

/// From this many columns on, a one-row block is searched by `FindCut`.
constexpr size_t kLongBlock = 64;

/// Calls `body(index)` for every element of the block at column `begin`, in
/// row-major order.
template <class Body>
HWY_INLINE void ForEachOfBlock(const BlockRow& row, size_t begin, Body body) {
  const size_t end = std::min(begin + row.cols, row.width);
  for (size_t r = 0; r < row.rows; ++r) {
    for (size_t c = begin; c < end; ++c) {
      body(r * row.width + c);
    }
  }
}

/// Drops `row.zeros` elements of the block at column `begin`. `keys` is
/// scratch. Returns whether every value is finite.
template <Order kOrder>
bool DropInBlock(
    const BlockRow& row,
    size_t begin,
    std::vector<int32_t>& keys) {
  int32_t highest = 0;
  keys.clear();
  ForEachOfBlock(row, begin, [&](size_t i) {
    keys.push_back(order_key(row.values[i], kOrder));
    highest = std::max(highest, order_key(row.values[i], Order::kMagnitude));
  });
  const bool keep = row.block_mask && row.block_mask[begin / row.cols];
  const bool all = keep || row.zeros >= keys.size();
  if (all || row.zeros == 0) {
    const bool kept = keep || row.zeros == 0;
    ForEachOfBlock(row, begin, [&](size_t i) { row.mask[i] = kept; });
    return highest < kInfinityKey;
  }
  Cut cut = find_cut(keys.data(), keys.size(), row.zeros);
  ForEachOfBlock(row, begin, [&](size_t i) {
    row.mask[i] = !cut.drops(order_key(row.values[i], kOrder));
  });
  return highest < kInfinityKey;
}

template <Order kOrder>
bool DropInBlocks(const BlockRow& row, size_t begin) {
  std::vector<int32_t> keys;
  bool finite = true;
  for (size_t c = begin; c < row.width; c += row.cols) {
    finite &= DropInBlock<kOrder>(row, c, keys);
  }
  return finite;
}

/// Blocks (1, 4), a vector of blocks at a time.
template <Order kOrder>
bool DropInFours(const BlockRow& row) {
  const Floats d;
  const Ints di;
  const size_t lanes = hn::Lanes(d);
  const auto zeros = hn::Set(di, static_cast<int32_t>(row.zeros));
  auto highest = hn::Zero(di);
  size_t c = 0;
  for (; c + 4 * lanes <= row.width; c += 4 * lanes) {
    FloatVec v0, v1, v2, v3;
    hn::LoadInterleaved4(d, row.values + c, v0, v1, v2, v3);
    highest = hn::Max(
        highest,
        hn::Max(
            hn::Max(MagnitudeKeys(v0), MagnitudeKeys(v1)),
            hn::Max(MagnitudeKeys(v2), MagnitudeKeys(v3))));
    auto kept = KeepInFour(
        Keys<kOrder>(v0),
        Keys<kOrder>(v1),
        Keys<kOrder>(v2),
        Keys<kOrder>(v3),
        zeros);
    if (row.block_mask) {
      kept = hn::Or(kept, FourBytesOf(row.block_mask + c / 4));
    }
    hn::StoreU(kept, di, reinterpret_cast<int32_t*>(row.mask + c));
  }
  const bool finite = hn::GetLane(hn::MaxOfLanes(di, highest)) < kInfinityKey;
  return DropInBlocks<kOrder>(row, c) && finite;
}

/// Blocks of one row and few columns, a vector of blocks at a time.
template <Order kOrder>
bool DropInSmallBlocks(const BlockRow& row) {
  const Ints di;
  const size_t step = hn::Lanes(di) * row.cols;
  auto highest = hn::Zero(di);
  size_t c = 0;
  for (; c + step <= row.width; c += step) {
    const auto* kept = row.block_mask ? row.block_mask + c / row.cols : nullptr;
    highest = hn::Max(
        highest,
        DropInSmallGroups<kOrder>(
            row.values + c, row.cols, row.zeros, kept, row.mask + c));
  }
  const bool finite = hn::GetLane(hn::MaxOfLanes(di, highest)) < kInfinityKey;
  return DropInBlocks<kOrder>(row, c) && finite;
}

/// Drops the lowest values of one long block, 0 < zeros < width.
template <Order kOrder>
bool DropInLongBlock(
    const float* values,
    size_t width,
    size_t zeros,
    int32_t* keys,
    uint8_t* mask) {
  const Floats d;
  const Ints di;
  const size_t lanes = hn::Lanes(d);
  auto highest = hn::Zero(di);
  int32_t highest_one = 0;
  size_t c = 0;
  for (; c + lanes <= width; c += lanes) {
    const auto v = hn::LoadU(d, values + c);
    highest = hn::Max(highest, MagnitudeKeys(v));
    hn::StoreU(Keys<kOrder>(v), di, keys + c);
  }
  for (; c < width; ++c) {
    highest_one =
        std::max(highest_one, order_key(values[c], Order::kMagnitude));
    keys[c] = order_key(values[c], kOrder);
  }
  WriteCut(keys, width, FindCut(keys, width, zeros), mask);
  return std::max(hn::GetLane(hn::MaxOfLanes(di, highest)), highest_one) <
      kInfinityKey;
}

/// Blocks of one row and many columns, without a block mask.
template <Order kOrder>
bool DropInLongBlocks(const BlockRow& row) {
  std::vector<int32_t> keys(std::min(row.cols, row.width));
  bool finite = true;
  size_t c = 0;
  for (; c + row.cols <= row.width; c += row.cols) {
    finite &= DropInLongBlock<kOrder>(
        row.values + c, row.cols, row.zeros, keys.data(), row.mask + c);
  }
  return DropInBlocks<kOrder>(row, c) && finite;
}

template <Order kOrder>
bool DropInRow(const BlockRow& row) {
  const bool some = row.rows == 1 && row.zeros > 0 && row.zeros < row.cols;
  if (row.rows == 1 && row.cols == 4) {
    return DropInFours<kOrder>(row);
  }
  if (some && row.cols <= kMaxSmallGroup) {
    return DropInSmallBlocks<kOrder>(row);
  }
  return some && row.cols >= kLongBlock && !row.block_mask
      ? DropInLongBlocks<kOrder>(row)
      : DropInBlocks<kOrder>(row, 0);
}

} // namespace coppice::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif // COPPICE_KERNELS_BLOCK_ROWS_INL_H_
