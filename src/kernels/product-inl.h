// Helpers of all products. Compiled once per instruction set.
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

/// Fully unrolls a loop of constant length, so that arrays indexed by it stay
/// in registers.
#undef COPPICE_UNROLL
#define COPPICE_UNROLL HWY_UNROLL(32)

HWY_BEFORE_NAMESPACE();
namespace coppice::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// At most 16 lanes, for which tiles of the batch are laid out.
using Wide = hn::CappedTag<float, 16>;
constexpr size_t kWideLanes = hn::MaxLanes(Wide());

/// Half of the vector registers: as many accumulators as a loop may have. The
/// other half is for loads.
constexpr size_t kSumRegisters = HWY_TARGET <= HWY_AVX3 ? 16 : 8;

/// Loads a vector of weights as float32.
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

/// Broadcasts a weight to every lane.
template <class D>
HWY_INLINE hn::Vec<D> SetWeight(D d, const float* value) {
  return hn::Set(d, *value);
}
template <class D>
HWY_INLINE hn::Vec<D> SetWeight(D d, const BFloat16* value) {
#if HWY_TARGET == HWY_SCALAR
  return hn::Set(d, to_float(*value));
#else
  // Broadcast as 16 bits, which avoids a scalar register.
  const hn::Repartition<uint16_t, D> halves;
  const hn::RebindToUnsigned<D> wholes;
  const auto twice = hn::BitCast(wholes, hn::Set(halves, value->bits));
  return hn::BitCast(d, hn::ShiftLeft<16>(twice));
#endif
}

/// The cache that a prefetch fills, numbered as in `__builtin_prefetch`.
enum class CacheLevel { kL2 = 2, kL1 = 3 };

/// Prefetches `kBytes` after piece `i` of kLength weights, in an unrolled loop:
/// once per cache line. The hardware prefetcher stops at page boundaries.
template <
    size_t kLength,
    size_t kBytes,
    CacheLevel kLevel = CacheLevel::kL1,
    class Value>
HWY_INLINE void PrefetchAhead(size_t i, const Value* piece) {
  if (i * kLength * sizeof(Value) % 64 == 0) {
    // hwy::Prefetch has no L2.
    __builtin_prefetch(
        reinterpret_cast<const char*>(piece) + kBytes,
        0,
        static_cast<int>(kLevel));
  }
}

/// The sum of the lanes of `v`, in a fixed order.
template <class D>
HWY_INLINE float SumOf(D d, hn::Vec<D> v) {
  return hn::GetLane(hn::SumOfLanes(d, v));
}

/// sum + a * b, fused where the instruction set has that.
HWY_INLINE float MulAddOne(float a, float b, float sum) {
  const hn::CappedTag<float, 1> d;
  return hn::GetLane(hn::MulAdd(hn::Set(d, a), hn::Set(d, b), hn::Set(d, sum)));
}

/// Pairwise sum of `kSets` vectors that are `kStride` apart.
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
