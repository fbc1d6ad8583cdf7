#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <numeric>

#include "kernels/packing.h"

namespace coppice::kernels {

/// Whether a packed weight keeps a value: all but what is stored as 0 or -0. By
/// its bits, since denormals are stored also where the processor takes them for
/// zero.
class IsStored {
 public:
  /// Half of the smallest BFloat16 and less are rounded to zero.
  explicit IsStored(Dtype dtype)
      : largest_zero_(dtype == Dtype::BFloat16 ? 0x8000 : 0) {}

  bool operator()(float value) const {
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof(bits));
    return (bits & 0x7fffffff) > largest_zero_;
  }

  /// Bit i for value i, of at most 64 that are `stride` apart.
  uint64_t bits(const float* values, size_t count, size_t stride = 1) const {
    uint64_t bits = 0;
    for (size_t i = 0; i < count; ++i) {
      bits |= static_cast<uint64_t>((*this)(values[i * stride])) << i;
    }
    return bits;
  }

 private:
  uint32_t largest_zero_;
};

/// Stores a weight in the type of its place.
inline void store(float value, float* to) {
  *to = value;
}
inline void store(float value, BFloat16* to) {
  *to = to_bfloat16(value);
}

/// Stores those of the values, `stride` apart, whose bits are set, one after
/// another, and returns where the next goes.
template <class Value>
Value*
store_set(uint64_t bits, const float* values, Value* to, size_t stride = 1) {
  for (; bits != 0; bits &= bits - 1) {
    const auto i = static_cast<size_t>(__builtin_ctzll(bits));
    store(values[i * stride], to++);
  }
  return to;
}

/// Room for `count` values and, behind them, 32 zeros, which are read.
inline Values padded_values(Dtype dtype, size_t count) {
  constexpr size_t kPadding = 32;
  Values padded(dtype, count + kPadding);
  padded.visit([&](auto* values) {
    for (size_t i = 0; i < kPadding; ++i) {
      store(0.0f, values + count + i);
    }
  });
  return padded;
}

/// Calls `body(i)` for each of `count`, shared out as `packing` says.
template <class Body>
void for_each(const Packing& packing, size_t count, Body body) {
  packing.for_each_range(count, [&](Range range) {
    for (size_t i = range.begin; i < range.end; ++i) {
      body(i);
    }
  });
}

/// Where each of `count` rows begins and, last, where all end, `count_of(row)`
/// being how much it stores.
template <class CountOf>
Buffer<uint64_t>
begins_of(const Packing& packing, size_t count, CountOf count_of) {
  Buffer<uint64_t> begins(count + 1);
  begins[0] = 0;
  for_each(
      packing, count, [&](size_t row) { begins[row + 1] = count_of(row); });
  std::partial_sum(begins.begin(), begins.end(), begins.begin());
  return begins;
}

} // namespace coppice::kernels
