// What the products share. Compiled once per instruction set.
#if defined(COPPICE_KERNELS_PRODUCT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef COPPICE_KERNELS_PRODUCT_INL_H_
#undef COPPICE_KERNELS_PRODUCT_INL_H_
#else
#define COPPICE_KERNELS_PRODUCT_INL_H_
#endif

#include <cstddef>

#include "hwy/highway.h"

/// Unrolls a loop of constant length whole, so that what it indexes stays in
/// registers.
#undef COPPICE_UNROLL
#define COPPICE_UNROLL HWY_UNROLL(32)

HWY_BEFORE_NAMESPACE();
namespace coppice::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// At most 16 lanes: tiles of the batch are laid out for that.
using Wide = hn::CappedTag<float, 16>;
constexpr size_t kWideLanes = hn::MaxLanes(Wide());

/// Half of the vector registers: what a loop may sum in, the other half being
/// for what it loads.
constexpr size_t kSumRegisters = HWY_TARGET <= HWY_AVX3 ? 16 : 8;

/// The sum of the lanes of `v`, always added in the same order.
template <class D>
HWY_INLINE float SumOf(D d, hn::Vec<D> v) {
  return hn::GetLane(hn::SumOfLanes(d, v));
}

/// sum + a * b, in one rounding where the instruction set has that.
HWY_INLINE float MulAddOne(float a, float b, float sum) {
  const hn::CappedTag<float, 1> d;
  return hn::GetLane(hn::MulAdd(hn::Set(d, a), hn::Set(d, b), hn::Set(d, sum)));
}

/// Pairwise sum of the first of `kSets` vectors, which are `kStride` apart.
template <size_t kSets, size_t kStride, class D>
HWY_INLINE hn::Vec<D> SumOfSets(D d, const hn::Vec<D>* sets) {
  if constexpr (kSets == 1) {
    return sets[0];
  } else {
    constexpr size_t kHalf = kSets / 2;
    return hn::Add(
        SumOfSets<kHalf, kStride>(d, sets),
        SumOfSets<kHalf, kStride>(d, sets + kHalf * kStride));
  }
}

} // namespace coppice::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif // COPPICE_KERNELS_PRODUCT_INL_H_
