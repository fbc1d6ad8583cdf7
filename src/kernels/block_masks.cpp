#include "kernels/block_masks.h"

#include <algorithm>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/block_masks.cpp"
#include "hwy/foreach_target.h" // IWYU pragma: keep
// After foreach_target.h.
#include "hwy/highway.h"
#include "kernels/block_rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace coppice::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// `expand_blocks` for one row and four columns a block.
void ExpandFour(const uint8_t* block_mask, size_t width, uint8_t* mask) {
  const Ints d;
  const size_t lanes = hn::Lanes(d);
  const size_t whole = width / 4;
  size_t b = 0;
  for (; b + lanes <= whole; b += lanes) {
    const auto four = FourBytesOf(block_mask + b);
    hn::StoreU(four, d, reinterpret_cast<int32_t*>(mask + 4 * b));
  }
  for (; 4 * b < width; ++b) {
    std::memset(
        mask + 4 * b, block_mask[b], std::min<size_t>(4, width - 4 * b));
  }
}

void ExpandBlocks(
    const uint8_t* block_mask,
    size_t rows,
    size_t width,
    size_t cols,
    uint8_t* mask) {
  if (cols == 1) {
    std::memcpy(mask, block_mask, width);
  } else if (cols == 4) {
    ExpandFour(block_mask, width, mask);
  } else {
    for (size_t c = 0; c < width; c += cols) {
      std::memset(mask + c, *block_mask++, std::min(cols, width - c));
    }
  }
  for (size_t r = 1; r < rows; ++r) {
    std::memcpy(mask + r * width, mask, width);
  }
}

/// `mask_holds_in_fours` for one block.
bool MaskHoldsInFour(const float* values, const uint8_t* mask, size_t zeros) {
  size_t dropped = 0;
  for (size_t i = 0; i < 4; ++i) {
    const int32_t key = order_key(values[i], Order::kMagnitude);
    dropped += mask[i] == 0;
    if ((key == 0) != (mask[i] == 0) || key >= kInfinityKey) {
      return false;
    }
  }
  return dropped == zeros;
}

bool MaskHoldsInFours(
    const float* values,
    const uint8_t* mask,
    size_t width,
    size_t zeros) {
  const Floats d;
  const Ints di;
  const hn::Rebind<uint8_t, Ints> bytes;
  const size_t lanes = hn::Lanes(d);
  const auto nothing = hn::Zero(di);
  const auto kept_of_four = hn::Set(di, 4 - static_cast<int32_t>(zeros));
  auto highest = nothing;
  auto differs = hn::MaskFromVec(nothing);
  size_t c = 0;
  for (; c + 4 * lanes <= width; c += 4 * lanes) {
    for (size_t i = 0; i < 4; ++i) {
      const size_t at = c + i * lanes;
      const auto keys = MagnitudeKeys(hn::LoadU(d, values + at));
      const auto kept = hn::PromoteTo(di, hn::LoadU(bytes, mask + at));
      differs = hn::Or(
          differs, hn::Xor(hn::Eq(keys, nothing), hn::Eq(kept, nothing)));
      highest = hn::Max(highest, keys);
    }
    // The multiplication sums the four bytes of a block, each 0 or 1, in the
    // upper one.
    const auto four = hn::LoadU(di, reinterpret_cast<const int32_t*>(mask + c));
    const auto kept = hn::ShiftRight<24>(hn::Mul(four, hn::Set(di, kKeepFour)));
    differs = hn::Or(differs, hn::Ne(kept, kept_of_four));
  }
  if (!hn::AllFalse(di, differs) ||
      hn::GetLane(hn::MaxOfLanes(di, highest)) >= kInfinityKey) {
    return false;
  }
  for (; c < width; c += 4) {
    if (!MaskHoldsInFour(values + c, mask + c, zeros)) {
      return false;
    }
  }
  return true;
}

bool ZerosInBlocks(
    const float* values,
    size_t rows,
    size_t width,
    size_t cols,
    size_t zeros,
    Order order,
    const uint8_t* block_mask,
    uint8_t* mask) {
  const BlockRow row{values, rows, width, cols, zeros, block_mask, mask};
  return order == Order::kMagnitude ? DropInRow<Order::kMagnitude>(row)
                                    : DropInRow<Order::kValue>(row);
}

} // namespace coppice::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace coppice::kernels {

HWY_EXPORT(ExpandBlocks);
HWY_EXPORT(MaskHoldsInFours);
HWY_EXPORT(ZerosInBlocks);

void expand_blocks(
    const uint8_t* block_mask,
    size_t rows,
    size_t width,
    size_t cols,
    uint8_t* mask) {
  HWY_DYNAMIC_DISPATCH(ExpandBlocks)(block_mask, rows, width, cols, mask);
}

bool mask_holds_in_fours(
    const float* values,
    const uint8_t* mask,
    size_t width,
    size_t zeros) {
  return HWY_DYNAMIC_DISPATCH(MaskHoldsInFours)(values, mask, width, zeros);
}

bool zeros_in_blocks(
    const float* values,
    size_t rows,
    size_t width,
    size_t cols,
    size_t zeros,
    Order order,
    const uint8_t* block_mask,
    uint8_t* mask) {
  return HWY_DYNAMIC_DISPATCH(ZerosInBlocks)(
      values, rows, width, cols, zeros, order, block_mask, mask);
}

} // namespace coppice::kernels
#endif // HWY_ONCE
