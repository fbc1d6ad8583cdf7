#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <numeric>

#include "kernels/packing.h"

namespace coppice::kernels {

/// Whether a packed weight stores a value: all but 0 and -0. Compares bits,
/// since denormals are stored even while they are flushed to zero.
class IsStored {
 public:
  /// BFloat16 rounds half of its smallest value and less to zero.
  explicit IsStored(Dtype dtype)
      : largest_zero_(dtype == Dtype::BFloat16 ? 0x8000 : 0) {}

  bool operator()(float value) const {
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof(bits));
    return (bits & 0x7fffffff) > largest_zero_;
  }

  /// Bit i says whether value i is stored; at most 64 values, `stride` apart.
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

/// Stores a weight in the type of the destination.
inline void store(float value, float* to) {
  *to = value;
}
inline void store(float value, BFloat16* to) {
  *to = to_bfloat16(value);
}

/// Stores the values, `stride` apart, whose bits are set, and returns the end
/// of the output.
template <class Value>
Value*
store_set(uint64_t bits, const float* values, Value* to, size_t stride = 1) {
  for (; bits != 0; bits &= bits - 1) {
    const auto i = static_cast<size_t>(__builtin_ctzll(bits));
    store(values[i * stride], to++);
  }
  return to;
}

/// Memory for `count` values, padded by 32 zeros, which products read.
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

/// Calls `body(i)` for i < count, divided among threads by `packing`.
template <class Body>
void for_each(const Packing& packing, size_t count, Body body) {
  packing.for_each_range(count, [&](Range range) {
    for (size_t i = range.begin; i < range.end; ++i) {
      body(i);
    }
  });
}

/// The prefix sums of `count_of(row)`, [count + 1].
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
