// Spreads packed values over the lanes that a mask names. Compiled once per
// instruction set.
#if defined(COPPICE_KERNELS_EXPAND_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef COPPICE_KERNELS_EXPAND_INL_H_
#undef COPPICE_KERNELS_EXPAND_INL_H_
#else
#define COPPICE_KERNELS_EXPAND_INL_H_
#endif

#include <array>
#include <cstddef>
#include <cstdint>

#include "hwy/highway.h"
#include "kernels/product-inl.h"

HWY_BEFORE_NAMESPACE();
namespace coppice::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Highway has Expand only from 1.0.4 on, and Debian 12 has 1.0.3.
#if HWY_TARGET <= HWY_AVX3 && HWY_ARCH_X86

/// Lane i is the next of `values` where bit i of `mask` is set, else 0. Reads
/// as many values as there are lanes; bits above the lanes do not matter.
template <class Value>
HWY_INLINE hn::Vec<Wide> Expand(Wide d, uint64_t mask, const Value* values) {
  // BFloat16 are widened first: to expand 16-bit lanes not every AVX-512 can.
  const auto packed = LoadWeights(d, values);
  return hn::Vec<Wide>{
      _mm512_maskz_expand_ps(static_cast<__mmask16>(mask), packed.raw)};
}

#elif HWY_TARGET == HWY_SCALAR

template <class Value>
HWY_INLINE hn::Vec<Wide> Expand(Wide d, uint64_t mask, const Value* values) {
  return mask & 1 ? LoadWeights(d, values) : hn::Zero(d);
}

#else

/// For each mask of kLanes bits, the packed value that each lane takes.
template <size_t kLanes>
constexpr std::array<std::array<uint8_t, kLanes>, 1 << kLanes> SourceLanes() {
  std::array<std::array<uint8_t, kLanes>, 1 << kLanes> table{};
  for (size_t mask = 0; mask < table.size(); ++mask) {
    uint8_t next = 0;
    for (size_t i = 0; i < kLanes; ++i) {
      table[mask][i] = next;
      next = static_cast<uint8_t>(next + (mask >> i & 1));
    }
    for (size_t i = 0; i < kLanes; ++i) {
      // A lane that is not set reads any value.
      table[mask][i] = table[mask][i] % kLanes;
    }
  }
  return table;
}

template <class Value>
HWY_INLINE hn::Vec<Wide> Expand(Wide d, uint64_t mask, const Value* values) {
  static constexpr auto kSources = SourceLanes<kWideLanes>();
  const hn::RebindToSigned<Wide> di;
  const hn::Rebind<uint8_t, Wide> bytes;
  const uint8_t bits = mask & ((1 << kWideLanes) - 1);
  const auto sources =
      hn::PromoteTo(di, hn::LoadU(bytes, kSources[bits].data()));
  const auto spread = hn::TableLookupLanes(
      LoadWeights(d, values), hn::IndicesFromVec(d, sources));
  return hn::IfThenElseZero(hn::LoadMaskBits(d, &bits), spread);
}

#endif

} // namespace coppice::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif // COPPICE_KERNELS_EXPAND_INL_H_
