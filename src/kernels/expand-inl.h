// Expands packed values to the lanes that a mask selects. Compiled once per
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

/// At most eight lanes: a lookup table indexed by the mask says which packed
/// value each lane takes.
using Eight = hn::CappedTag<float, 8>;

/// The vectors in which weights are expanded: the widest. BFloat16 without a
/// 16-bit expand instruction takes eight lanes, where one byte shuffle expands,
/// widens and zeroes.
template <class Value>
struct Expanding {
  using D = Wide;
};
#if HWY_TARGET > HWY_AVX3_DL || !HWY_ARCH_X86
template <>
struct Expanding<BFloat16> {
  using D = Eight;
};
#endif

/// The number of weights of a word before its vector `i`. Computed from the
/// word itself, which keeps the vectors' counts independent.
template <size_t kLanes>
HWY_INLINE size_t WeightsBefore(uint64_t mask, size_t i) {
  return i == 0 ? 0 : hwy::PopCount(mask << (64 - i * kLanes));
}

// Expand: lane i is the next of `values` where bit i of `mask` is set, else 0.
// Reads as many values as there are lanes (BFloat16: at least 8; ExpandPairs:
// 32). Mask bits above the lanes are ignored.

#if HWY_TARGET == HWY_SCALAR

template <class D, class Value>
HWY_INLINE hn::Vec<D> Expand(D d, uint64_t mask, const Value* values) {
  return mask & 1 ? LoadWeights(d, values) : hn::Zero(d);
}

#else

/// For each mask of kLanes bits, the index of the packed value for each lane,
/// or -1 where the bit is not set.
template <size_t kLanes>
constexpr std::array<std::array<int, kLanes>, 1 << kLanes> SourceLanes() {
  std::array<std::array<int, kLanes>, 1 << kLanes> table{};
  for (size_t mask = 0; mask < table.size(); ++mask) {
    int next = 0;
    for (size_t i = 0; i < kLanes; ++i) {
      table[mask][i] = mask >> i & 1 ? next++ : -1;
    }
  }
  return table;
}

/// The same as byte indices into BFloat16 values, which become the upper halves
/// of the lanes; 0x80 gives zero.
template <size_t kLanes>
constexpr std::array<std::array<uint8_t, 4 * kLanes>, 1 << kLanes>
SourceBytes() {
  constexpr auto kLanesOf = SourceLanes<kLanes>();
  std::array<std::array<uint8_t, 4 * kLanes>, 1 << kLanes> table{};
  for (size_t mask = 0; mask < table.size(); ++mask) {
    for (size_t i = 0; i < kLanes; ++i) {
      const int from = kLanesOf[mask][i];
      auto* bytes = &table[mask][4 * i];
      bytes[0] = bytes[1] = 0x80;
      bytes[2] = static_cast<uint8_t>(from < 0 ? 0x80 : 2 * from);
      bytes[3] = static_cast<uint8_t>(from < 0 ? 0x80 : 2 * from + 1);
    }
  }
  return table;
}

template <class D>
HWY_INLINE hn::Vec<D> Expand(D d, uint64_t mask, const BFloat16* values) {
  constexpr size_t kLanes = hn::MaxLanes(D());
  alignas(32) static constexpr auto kSources = SourceBytes<kLanes>();
  const hn::Repartition<uint8_t, D> bytes;
  const auto packed =
      hn::LoadDup128(bytes, reinterpret_cast<const uint8_t*>(values));
  const auto& sources = kSources[mask & ((1 << kLanes) - 1)];
  return hn::BitCast(
      d, hn::TableLookupBytesOr0(packed, hn::LoadU(bytes, sources.data())));
}

/// The same as lane indices, with 0 where the bit is not set.
template <size_t kLanes>
constexpr std::array<std::array<uint8_t, kLanes>, 1 << kLanes> AnyLanes() {
  constexpr auto kLanesOf = SourceLanes<kLanes>();
  std::array<std::array<uint8_t, kLanes>, 1 << kLanes> table{};
  for (size_t mask = 0; mask < table.size(); ++mask) {
    for (size_t i = 0; i < kLanes; ++i) {
      const int from = kLanesOf[mask][i];
      table[mask][i] = static_cast<uint8_t>(from < 0 ? 0 : from);
    }
  }
  return table;
}

HWY_INLINE hn::Vec<Eight> Expand(Eight d, uint64_t mask, const float* values) {
  constexpr size_t kLanes = hn::MaxLanes(Eight());
  static constexpr auto kSources = AnyLanes<kLanes>();
  const hn::RebindToSigned<Eight> di;
  const hn::Rebind<uint8_t, Eight> bytes;
  const uint8_t bits = mask & ((1 << kLanes) - 1);
  const auto sources =
      hn::PromoteTo(di, hn::LoadU(bytes, kSources[bits].data()));
  const auto spread = hn::TableLookupLanes(
      hn::LoadU(d, values), hn::IndicesFromVec(d, sources));
  return hn::IfThenElseZero(hn::LoadMaskBits(d, &bits), spread);
}

// Highway has Expand only from 1.0.4 on, and Debian 12 has 1.0.3.
#if HWY_TARGET <= HWY_AVX3 && HWY_ARCH_X86

/// Zeros that the compiler does not recognize as constant, to expand into.
/// Without them Zen 4 has a false dependency on the register's old value: five
/// cycles an instruction instead of 1.3.
HWY_INLINE __m512i OpaqueZeros() {
  __m512i zeros = _mm512_setzero_si512();
  asm("" : "+v"(zeros));
  return zeros;
}

HWY_INLINE hn::Vec<Wide> Expand(Wide d, uint64_t mask, const float* values) {
  return hn::Vec<Wide>{_mm512_mask_expand_ps(
      _mm512_castsi512_ps(OpaqueZeros()),
      static_cast<__mmask16>(mask),
      hn::LoadU(d, values).raw)};
}

#endif
#if HWY_TARGET <= HWY_AVX3_DL && HWY_ARCH_X86

/// Expands 32 columns, two a lane; the even one is in the lower half.
HWY_INLINE hn::Vec<hn::RebindToUnsigned<Wide>> ExpandPairs(
    uint32_t mask,
    const BFloat16* values) {
  return hn::Vec<hn::RebindToUnsigned<Wide>>{_mm512_mask_expand_epi16(
      OpaqueZeros(), mask, _mm512_loadu_si512(values))};
}

/// Expands sixteen directly into the upper halves of the lanes.
HWY_INLINE hn::Vec<Wide>
Expand(Wide /*d*/, uint64_t mask, const BFloat16* values) {
  const auto packed = _mm512_castsi256_si512(
      _mm256_loadu_si256(reinterpret_cast<const __m256i*>(values)));
  const uint32_t upper = _pdep_u32(static_cast<uint32_t>(mask), 0xaaaaaaaa);
  return hn::Vec<Wide>{_mm512_castsi512_ps(
      _mm512_mask_expand_epi16(OpaqueZeros(), upper, packed))};
}

#endif
#endif

} // namespace coppice::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif // COPPICE_KERNELS_EXPAND_INL_H_
