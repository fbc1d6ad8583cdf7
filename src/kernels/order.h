#pragma once

#include <cstdint>
#include <cstring>

namespace coppice::kernels {

/// How floats are ordered when the lowest are dropped.
enum class Order {
  kMagnitude, ///< By |x|; NaN is above infinity.
  kValue,     ///< By x; -0 equals 0, NaN is the highest.
};

/// The key of infinity in both orders; only NaN has a higher one.
constexpr int32_t kInfinityKey = 0x7f800000;
constexpr int64_t kWideInfinityKey = 0x7ff0000000000000; ///< Of float64.

/// An integer that orders floats as `order` does; equal values have equal keys.
inline int32_t order_key(float value, Order order) {
  int32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  const int32_t magnitude = bits & 0x7fffffff;
  if (order == Order::kMagnitude) {
    return magnitude;
  }
  if (magnitude > kInfinityKey) {
    return kInfinityKey + 1;
  }
  return bits < 0 ? -magnitude : magnitude;
}

inline int64_t order_key(double value, Order order) {
  int64_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  const int64_t magnitude = bits & INT64_MAX;
  if (order == Order::kMagnitude) {
    return magnitude;
  }
  if (magnitude > kWideInfinityKey) {
    return kWideInfinityKey + 1;
  }
  return bits < 0 ? -magnitude : magnitude;
}

} // namespace coppice::kernels
