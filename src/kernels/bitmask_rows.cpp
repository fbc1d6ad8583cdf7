// AVX-512 with the extensions of Ice Lake, which Highway omits by default.
#define HWY_WANT_AVX3_DL

#include "kernels/bitmask_rows.h"

#include <algorithm>
#include <type_traits>

#include "kernels/flush_denormals.h"
#include "kernels/stored.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/bitmask_rows.cpp"
#include "hwy/foreach_target.h" // IWYU pragma: keep
// After foreach_target.h.
#include "hwy/highway.h"
#include "kernels/expand-inl.h"

HWY_BEFORE_NAMESPACE();
namespace coppice::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// How the 64 columns of a word are divided into vectors.
template <class How>
struct WordVectors {
  using D = How;
  static constexpr size_t kLanes = hn::MaxLanes(D());
  static constexpr size_t kVectors = 64 / kLanes;
  /// Independent accumulators hide the latency of the multiply-add.
  static constexpr size_t kSums = HWY_MIN(4, kVectors);
};

/// Prefetches about as many bytes as a word's weights fill. Very sparse rows
/// have more misses in flight than the L1 cache can track, so they prefetch
/// further ahead, into L2; denser rows lose by that.
template <bool kFar, class Value>
HWY_INLINE void PrefetchWord(const Value* values) {
  constexpr size_t kBytes = kFar ? 8192 : 2048;
  constexpr auto kLevel = kFar ? CacheLevel::kL2 : CacheLevel::kL1;
  PrefetchAhead<1, kBytes, kLevel>(0, values);
  if constexpr (sizeof(Value) == sizeof(float)) {
    PrefetchAhead<1, kBytes + 64, kLevel>(0, values);
  }
}

/// Adds the columns of a whole word and advances `values` past its weights.
template <class D, class Value>
HWY_INLINE void AddWord(
    D d,
    uint64_t mask,
    const Value*& values,
    const float* x,
    hn::Vec<D>* sums) {
  using Word = WordVectors<D>;
  COPPICE_UNROLL
  for (size_t i = 0; i < Word::kVectors; ++i) {
    const Value* packed = values + WeightsBefore<Word::kLanes>(mask, i);
    const auto weights = Expand(d, mask >> (i * Word::kLanes), packed);
    auto& sum = sums[i % Word::kSums];
    sum = hn::MulAdd(weights, hn::LoadU(d, x + i * Word::kLanes), sum);
  }
  values += hwy::PopCount(mask);
}

#if HWY_TARGET <= HWY_AVX3 && HWY_ARCH_X86

/// Words with two of every four columns. Gathers the inputs instead of
/// expanding the weights.
struct TwoOfFour {};

template <>
struct WordVectors<TwoOfFour> {
  using D = Wide;
  static constexpr size_t kSums = 2;
};

/// The sixteen inputs that `mask` keeps of 32.
HWY_INLINE hn::Vec<Wide> KeptInputs(uint32_t mask, const float* x) {
  // Lanes 2 i and 2 i + 1 are the first and second kept column of four.
  const auto begins = _mm512_setr_epi32(
      0, 0, 4, 4, 8, 8, 12, 12, 16, 16, 20, 20, 24, 24, 28, 28);
  const auto second = _mm512_set1_epi64(int64_t{16} << 32);
  const auto fours =
      _mm512_srlv_epi32(_mm512_set1_epi32(static_cast<int>(mask)), begins);
  constexpr int kAndOr = 0xea; // a & b | c
  const auto which =
      _mm512_ternarylogic_epi32(fours, _mm512_set1_epi32(15), second, kAndOr);
  // The position of the lowest bit of four, and of the next one.
  const auto lowest =
      _mm512_setr_epi32(0, 0, 1, 0, 2, 0, 1, 0, 3, 0, 1, 0, 2, 0, 1, 0);
  const auto next =
      _mm512_setr_epi32(0, 0, 0, 1, 0, 2, 2, 1, 0, 3, 3, 1, 3, 2, 2, 1);
  const auto places = _mm512_permutex2var_epi32(lowest, which, next);
  return hn::Vec<Wide>{_mm512_permutex2var_ps(
      _mm512_loadu_ps(x),
      _mm512_or_si512(places, begins),
      _mm512_loadu_ps(x + kWideLanes))};
}

template <class Value>
HWY_INLINE void AddWord(
    TwoOfFour /*how*/,
    uint64_t mask,
    const Value*& values,
    const float* x,
    hn::Vec<Wide>* sums) {
  const Wide d;
  COPPICE_UNROLL
  for (size_t i = 0; i < 2; ++i) {
    const auto kept =
        KeptInputs(static_cast<uint32_t>(mask >> (32 * i)), x + 32 * i);
    sums[i] = hn::MulAdd(LoadWeights(d, values), kept, sums[i]);
    values += kWideLanes;
  }
}

#endif
#if HWY_TARGET <= HWY_AVX3_DL && HWY_ARCH_X86

/// Words of BFloat16, two columns a lane; the inputs are deinterleaved for
/// that.
struct TwoPerLane {};

template <>
struct WordVectors<TwoPerLane> {
  using D = Wide;
  static constexpr size_t kSums = 4;
};

/// Deinterleaves the inputs of whole words: of each 32 columns the even ones,
/// then the odd ones. Inputs after the last whole word are copied.
HWY_INLINE void
DeinterleaveInputs(const float* x, size_t cols, float* deinterleaved) {
  const Wide d;
  size_t c = 0;
  for (; c + 64 <= cols; c += 64) {
    COPPICE_UNROLL
    for (size_t i = c; i < c + 64; i += 2 * kWideLanes) {
      hn::Vec<Wide> even;
      hn::Vec<Wide> odd;
      hn::LoadInterleaved2(d, x + i, even, odd);
      hn::Store(even, d, deinterleaved + i);
      hn::Store(odd, d, deinterleaved + i + kWideLanes);
    }
  }
  std::copy(x + c, x + cols, deinterleaved + c);
}

HWY_INLINE void AddWord(
    TwoPerLane /*how*/,
    uint64_t mask,
    const BFloat16*& values,
    const float* x,
    hn::Vec<Wide>* sums) {
  const Wide d;
  const hn::RebindToUnsigned<Wide> bits;
  COPPICE_UNROLL
  for (size_t i = 0; i < 2; ++i) {
    const BFloat16* packed = values + WeightsBefore<32>(mask, i);
    const auto both =
        ExpandPairs(static_cast<uint32_t>(mask >> (32 * i)), packed);
    const auto even = hn::BitCast(d, hn::ShiftLeft<16>(both));
    const auto odd = hn::BitCast(d, hn::And(both, hn::Set(bits, 0xffff0000)));
    const float* inputs = x + 32 * i;
    sums[2 * i] = hn::MulAdd(even, hn::Load(d, inputs), sums[2 * i]);
    sums[2 * i + 1] =
        hn::MulAdd(odd, hn::Load(d, inputs + kWideLanes), sums[2 * i + 1]);
  }
  values += hwy::PopCount(mask);
}

#endif

template <class How, bool kFar, class Value>
HWY_INLINE float RowTimes(
    const uint64_t* mask,
    const Value* values,
    size_t cols,
    const float* x) {
  using Word = WordVectors<How>;
  const typename Word::D d;
  hn::Vec<typename Word::D> sums[Word::kSums];
  COPPICE_UNROLL
  for (size_t i = 0; i < Word::kSums; ++i) {
    sums[i] = hn::Zero(d);
  }
  size_t c = 0;
  for (; c + 64 <= cols; c += 64) {
    PrefetchWord<kFar>(values);
    AddWord(How(), *mask++, values, x + c, sums);
  }
  float sum = SumOf(d, SumOfSets<Word::kSums, 1>(d, sums));
  for (uint64_t left = c < cols ? *mask : 0; left != 0; left &= left - 1) {
    const float input = x[c + hwy::Num0BitsBelowLS1Bit_Nonzero64(left)];
    sum = MulAddOne(to_float(*values++), input, sum);
  }
  return sum;
}

template <class How, bool kFar, class Value>
void MultiplyRows(
    const BitmaskRows& w,
    const Value* values,
    const float* x,
    const float* bias,
    Range range,
    float* y) {
  for (size_t r = range.begin; r < range.end; ++r) {
    const float sum = RowTimes<How, kFar>(
        w.mask.data() + r * w.words, values + w.begins[r], w.cols, x);
    y[r] = sum + (bias ? bias[r] : 0.0f);
  }
}

template <class How, class Value>
void MultiplyRows(
    const BitmaskRows& w,
    const Value* values,
    const float* x,
    const float* bias,
    Range range,
    float* y) {
  const bool is_sparse = 50 * w.begins.back() < uint64_t{21} * w.rows * w.cols;
  if (is_sparse) {
    MultiplyRows<How, true>(w, values, x, bias, range, y);
  } else {
    MultiplyRows<How, false>(w, values, x, bias, range, y);
  }
}

#if HWY_TARGET <= HWY_AVX3_DL && HWY_ARCH_X86

/// At most this many inputs, since they are on the stack.
constexpr size_t kMaxDeinterleaved = 16384;

void MultiplyDeinterleaved(
    const BitmaskRows& w,
    const BFloat16* values,
    const float* x,
    const float* bias,
    Range range,
    float* y) {
  HWY_ALIGN float deinterleaved[kMaxDeinterleaved];
  DeinterleaveInputs(x, w.cols, deinterleaved);
  MultiplyRows<TwoPerLane>(w, values, deinterleaved, bias, range, y);
}

#endif

void BitmaskRowsProduct(
    const BitmaskRows& w,
    const float* x,
    const float* bias,
    Range range,
    float* y) {
  w.values.visit([&](const auto* values) {
    using Value = std::decay_t<decltype(*values)>;
#if HWY_TARGET <= HWY_AVX3 && HWY_ARCH_X86
    if (w.keeps_two_of_four) {
      return MultiplyRows<TwoOfFour, true>(w, values, x, bias, range, y);
    }
#endif
#if HWY_TARGET <= HWY_AVX3_DL && HWY_ARCH_X86
    if constexpr (std::is_same_v<Value, BFloat16>) {
      if (w.cols <= kMaxDeinterleaved) {
        return MultiplyDeinterleaved(w, values, x, bias, range, y);
      }
    }
#endif
    using D = typename Expanding<Value>::D;
    MultiplyRows<D>(w, values, x, bias, range, y);
  });
}

} // namespace coppice::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace coppice::kernels {

HWY_EXPORT(BitmaskRowsProduct);

namespace {

/// Whether each four bits have exactly two set.
bool keeps_two_of_four(uint64_t word) {
  const uint64_t pairs = word - (word >> 1 & 0x5555555555555555);
  const uint64_t fours =
      (pairs & 0x3333333333333333) + (pairs >> 2 & 0x3333333333333333);
  return fours == 0x2222222222222222;
}

bool keeps_two_of_four(const BitmaskRows& w) {
  const size_t whole = w.cols / 64;
  for (size_t r = 0; r < w.rows; ++r) {
    const uint64_t* row = w.mask.data() + r * w.words;
    const auto keeps = [](uint64_t word) { return keeps_two_of_four(word); };
    if (!std::all_of(row, row + whole, keeps)) {
      return false;
    }
  }
  return true;
}

} // namespace

BitmaskRows pack_bitmask_rows(
    const float* w,
    size_t rows,
    size_t cols,
    const Packing& packing) {
  BitmaskRows packed;
  packed.rows = rows;
  packed.cols = cols;
  packed.words = (cols + 63) / 64;
  packed.mask.resize(rows * packed.words);
  const IsStored is_stored(packing.dtype);
  packed.begins = begins_of(packing, rows, [&](size_t r) {
    uint64_t stored = 0;
    for (size_t c = 0; c < cols; c += 64) {
      auto& word = packed.mask[r * packed.words + c / 64];
      word = is_stored.bits(w + r * cols + c, std::min<size_t>(64, cols - c));
      stored += hwy::PopCount(word);
    }
    return stored;
  });
  packed.keeps_two_of_four = keeps_two_of_four(packed);
  packed.values = padded_values(packing.dtype, packed.begins.back());
  packed.values.visit([&](auto* values) {
    for_each(packing, rows, [&](size_t r) {
      auto* to = values + packed.begins[r];
      for (size_t c = 0; c < cols; c += 64) {
        const uint64_t word = packed.mask[r * packed.words + c / 64];
        to = store_set(word, w + r * cols + c, to);
      }
    });
  });
  return packed;
}

void unpack(const BitmaskRows& w, float* dense) {
  w.values.visit([&](const auto* values) {
    for (size_t r = 0; r < w.rows; ++r) {
      for (size_t c = 0; c < w.cols; ++c) {
        const bool stored = w.mask[r * w.words + c / 64] >> c % 64 & 1;
        dense[r * w.cols + c] = stored ? to_float(*values++) : 0.0f;
      }
    }
  });
}

void bitmask_rows_product(
    const BitmaskRows& w,
    const float* x,
    const float* bias,
    Range range,
    float* y) {
  const FlushDenormals flush;
  HWY_DYNAMIC_DISPATCH(BitmaskRowsProduct)(w, x, bias, range, y);
}

} // namespace coppice::kernels
#endif // HWY_ONCE
