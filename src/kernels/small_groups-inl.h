// Drops the lowest of each small group of consecutive values, a vector of
// groups at a time. Compiled once per instruction set.
#if defined(COPPICE_KERNELS_SMALL_GROUPS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef COPPICE_KERNELS_SMALL_GROUPS_INL_H_
#undef COPPICE_KERNELS_SMALL_GROUPS_INL_H_
#else
#define COPPICE_KERNELS_SMALL_GROUPS_INL_H_
#endif

#include <cstddef>
#include <cstdint>

#include "hwy/highway.h"
#include "kernels/order-inl.h"

HWY_BEFORE_NAMESPACE();
namespace coppice::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Larger groups are faster by selection.
constexpr size_t kMaxSmallGroup = 32;

/// Drops the `zeros` lowest of each `size` consecutive values, for as many
/// groups as a vector has lanes; ties: the first is dropped. Groups that
/// `group_mask` keeps lose none; it may be null. Returns the highest magnitude
/// keys.
template <Order kOrder>
HWY_INLINE IntVec DropInSmallGroups(
    const float* values,
    size_t size,
    size_t zeros,
    const uint8_t* group_mask,
    uint8_t* mask) {
  const Floats d;
  const Ints di;
  const size_t lanes = hn::Lanes(d);
  HWY_ALIGN int32_t keys[kMaxSmallGroup * 16];
  HWY_ALIGN int32_t kept[16];
  const auto offsets =
      hn::Mul(hn::Iota(di, 0), hn::Set(di, static_cast<int32_t>(size)));
  auto highest = hn::Zero(di);
  for (size_t i = 0; i < size; ++i) {
    const auto v = hn::GatherIndex(d, values + i, offsets);
    highest = hn::Max(highest, MagnitudeKeys(v));
    hn::Store(Keys<kOrder>(v), di, keys + 16 * i);
  }
  const auto bound = hn::Set(di, 1 - static_cast<int32_t>(zeros));
  for (size_t i = 0; i < size; ++i) {
    const auto own = hn::Load(di, keys + 16 * i);
    // Minus the number of keys dropped before this one. Of ties, those to the
    // left are.
    auto before = hn::Set(di, -static_cast<int32_t>(i));
    for (size_t j = 0; j < i; ++j) {
      const auto other = hn::Load(di, keys + 16 * j);
      before = hn::Sub(before, hn::VecFromMask(di, hn::Gt(other, own)));
    }
    for (size_t j = i + 1; j < size; ++j) {
      const auto other = hn::Load(di, keys + 16 * j);
      before = hn::Add(before, hn::VecFromMask(di, hn::Lt(other, own)));
    }
    hn::Store(hn::VecFromMask(di, hn::Lt(before, bound)), di, kept);
    for (size_t g = 0; g < lanes; ++g) {
      mask[g * size + i] =
          static_cast<uint8_t>((kept[g] & 1) | (group_mask && group_mask[g]));
    }
  }
  return highest;
}

} // namespace coppice::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif // COPPICE_KERNELS_SMALL_GROUPS_INL_H_
