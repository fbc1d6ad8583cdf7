// What the products share. Compiled once per instruction set.
#if defined(COPPICE_KERNELS_PRODUCT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef COPPICE_KERNELS_PRODUCT_INL_H_
#undef COPPICE_KERNELS_PRODUCT_INL_H_
#else
#define COPPICE_KERNELS_PRODUCT_INL_H_
#endif

#include <cstddef>
#include <cstdint>

#include "hwy/highway.h"
#include "kernels/bfloat16.h"

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

/// The next weights, as many as there are lanes.
template <class D>
HWY_INLINE hn::Vec<D> LoadWeights(D d, const float* values) {
  return hn::LoadU(d, values);
}
template <class D>
HWY_INLINE hn::Vec<D> LoadWeights(D d, const BFloat16* values) {
  const hn::Rebind<uint16_t, D> halves;
  const hn::Rebind<uint32_t, D> wholes;
  const auto* bits = reinterpret_cast<const uint16_t*>(values);
  const auto upper = hn::PromoteTo(wholes, hn::LoadU(halves, bits));
  return hn::BitCast(d, hn::ShiftLeft<16>(upper));
}

/// A weight in every lane.
template <class D>
HWY_INLINE hn::Vec<D> SetWeight(D d, const float* value) {
  return hn::Set(d, *value);
}
template <class D>
HWY_INLINE hn::Vec<D> SetWeight(D d, const BFloat16* value) {
#if HWY_TARGET == HWY_SCALAR
  return hn::Set(d, to_float(*value));
#else
  // Twice in each lane, so that it need not pass through a scalar register.
  const hn::Repartition<uint16_t, D> halves;
  const hn::RebindToUnsigned<D> wholes;
  const auto twice = hn::BitCast(wholes, hn::Set(halves, value->bits));
  return hn::BitCast(d, hn::ShiftLeft<16>(twice));
#endif
}

/// The cache that a prefetch fills, as compilers number its locality.
enum class CacheLevel { kSecond = 2, kFirst = 3 };

/// Asks memory for what lies `kBytes` ahead of piece `i`, of kLength weights,
/// of a loop that is unrolled, unless the piece before it asked for the same
/// cache line. The processor's own prefetching stops at pages.
template <
    size_t kLength,
    size_t kBytes,
    CacheLevel kLevel = CacheLevel::kFirst,
    class Value>
HWY_INLINE void PrefetchAhead(size_t i, const Value* piece) {
  if (i * kLength * sizeof(Value) % 64 == 0) {
    // hwy::Prefetch knows the first level alone.
    __builtin_prefetch(
        reinterpret_cast<const char*>(piece) + kBytes,
        0,
        static_cast<int>(kLevel));
  }
}

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
