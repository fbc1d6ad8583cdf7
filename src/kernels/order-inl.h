// Vectors of order keys. Compiled once per instruction set.
#if defined(COPPICE_KERNELS_ORDER_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef COPPICE_KERNELS_ORDER_INL_H_
#undef COPPICE_KERNELS_ORDER_INL_H_
#else
#define COPPICE_KERNELS_ORDER_INL_H_
#endif

#include "hwy/highway.h"
#include "kernels/order.h"

HWY_BEFORE_NAMESPACE();
namespace coppice::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// At most 16 lanes, which bounds what a vector store writes past an end.
using Floats = hn::CappedTag<float, 16>;
using Ints = hn::RebindToSigned<Floats>;
using FloatVec = hn::Vec<Floats>;
using IntVec = hn::Vec<Ints>;

/// The bits of |x|; above kInfinityKey for NaN.
HWY_INLINE IntVec MagnitudeKeys(FloatVec values) {
  const Ints d;
  return hn::And(hn::BitCast(d, values), hn::Set(d, 0x7fffffff));
}

/// `order_key` of every lane.
template <Order kOrder>
HWY_INLINE IntVec Keys(FloatVec values) {
  const Ints d;
  const auto magnitude = MagnitudeKeys(values);
  if (kOrder == Order::kMagnitude) {
    return magnitude;
  }
  // `sign` is -1 where negative, and (x ^ -1) - -1 is -x.
  const auto sign = hn::ShiftRight<31>(hn::BitCast(d, values));
  const auto keys = hn::Sub(hn::Xor(magnitude, sign), sign);
  const auto is_nan = hn::Gt(magnitude, hn::Set(d, kInfinityKey));
  return hn::IfThenElse(is_nan, hn::Set(d, kInfinityKey + 1), keys);
}

} // namespace coppice::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif // COPPICE_KERNELS_ORDER_INL_H_
