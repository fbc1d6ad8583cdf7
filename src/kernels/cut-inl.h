// Selects the lowest keys of an array. Compiled once per instruction set.
#if defined(COPPICE_KERNELS_CUT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef COPPICE_KERNELS_CUT_INL_H_
#undef COPPICE_KERNELS_CUT_INL_H_
#else
#define COPPICE_KERNELS_CUT_INL_H_
#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "hwy/highway.h"
#include "kernels/cut.h"
#include "kernels/order-inl.h"

HWY_BEFORE_NAMESPACE();
namespace coppice::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// The number of keys <= `most`.
HWY_INLINE size_t CountUpTo(const int32_t* keys, size_t count, int32_t most) {
  const Ints d;
  const size_t lanes = hn::Lanes(d);
  const auto bound = hn::Set(d, most);
  auto above0 = hn::Zero(d);
  auto above1 = above0;
  size_t i = 0;
  for (; i + 2 * lanes <= count; i += 2 * lanes) {
    const auto k0 = hn::LoadU(d, keys + i);
    const auto k1 = hn::LoadU(d, keys + i + lanes);
    // A lane of the comparison is -1 where true.
    above0 = hn::Add(above0, hn::VecFromMask(d, hn::Gt(k0, bound)));
    above1 = hn::Add(above1, hn::VecFromMask(d, hn::Gt(k1, bound)));
  }
  const auto above = hn::SumOfLanes(d, hn::Add(above0, above1));
  size_t found = i + static_cast<size_t>(int64_t(hn::GetLane(above)));
  for (; i < count; ++i) {
    found += keys[i] <= most;
  }
  return found;
}

/// A key with about `drop` of `count` keys below it, estimated from a sample.
HWY_INLINE int32_t GuessCut(const int32_t* keys, size_t count, size_t drop) {
  constexpr size_t kSample = 33;
  if (count < 2 * kSample) {
    return keys[0];
  }
  int32_t sample[kSample];
  for (size_t i = 0; i < kSample; ++i) {
    sample[i] = keys[i * count / kSample];
  }
  int32_t* const guess = sample + drop * (kSample - 1) / count;
  std::nth_element(sample, guess, sample + kSample);
  return *guess;
}

/// The cut that drops `drop` of `count` keys, 0 < drop < count; no key is
/// INT32_MIN. Searches for the threshold by counting the keys below a guess,
/// which for keys in the cache is faster than moving them.
HWY_INLINE Cut FindCut(const int32_t* keys, size_t count, size_t drop) {
  // Invariant: fewer than `drop` keys are <= `low`, more are <= `high`.
  int64_t low = INT32_MIN;
  int64_t high = INT32_MAX;
  size_t up_to_low = 0;
  size_t up_to_high = count;
  int64_t probe = GuessCut(keys, count, drop);
  int64_t step = int64_t(1) << 19;
  for (bool halve = false; high - low > 1; halve = !halve) {
    const size_t found = CountUpTo(keys, count, static_cast<int32_t>(probe));
    if (found == drop) {
      return {probe, static_cast<int64_t>(count)};
    }
    if (found < drop) {
      low = probe;
      up_to_low = found;
    } else {
      high = probe;
      up_to_high = found;
    }
    if (low == INT32_MIN || high == INT32_MAX) {
      probe = low == INT32_MIN ? high - step : low + step;
      step *= 4;
    } else if (halve) {
      probe = low + (high - low) / 2;
    } else {
      const double share = static_cast<double>(drop - up_to_low) /
          static_cast<double>(up_to_high - up_to_low);
      probe =
          low + static_cast<int64_t>(share * static_cast<double>(high - low));
    }
    probe = std::min(std::max(probe, low + 1), high - 1);
  }
  return {high, static_cast<int64_t>(drop - up_to_low)};
}

/// Writes the mask of a cut: one byte a key, 1 keeps.
HWY_INLINE void
WriteCut(const int32_t* keys, size_t count, Cut cut, uint8_t* mask) {
  const Ints d;
  const hn::Rebind<uint8_t, Ints> bytes;
  const size_t lanes = hn::Lanes(d);
  const auto key = static_cast<int32_t>(cut.key);
  const auto bound = hn::Set(d, key);
  const auto one = hn::Set(d, 1);
  size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    const auto kept = hn::VecFromMask(d, hn::Gt(hn::LoadU(d, keys + i), bound));
    hn::StoreU(hn::DemoteTo(bytes, hn::And(kept, one)), bytes, mask + i);
  }
  for (; i < count; ++i) {
    mask[i] = keys[i] > key;
  }
  int64_t ties = cut.ties;
  if (ties >= static_cast<int64_t>(count)) {
    return;
  }
  for (i = 0; i < count; ++i) {
    if (keys[i] == key) {
      mask[i] = ties == 0;
      ties -= ties > 0;
    }
  }
}

} // namespace coppice::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif // COPPICE_KERNELS_CUT_INL_H_
