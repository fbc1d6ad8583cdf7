#pragma once

#include <cstdint>
#include <cstring>

namespace coppice::kernels {

/// The upper half of a float32: sign, exponent and the first 7 bits of the
/// fraction.
struct BFloat16 {
  uint16_t bits;
};

/// Rounds to nearest, ties to even; the relative error is at most 2^-9.
/// Infinities and signed zeros are kept. NaN stays NaN; a signalling one
/// becomes quiet.
inline BFloat16 to_bfloat16(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  const bool is_nan = (bits & 0x7fffffff) > 0x7f800000;
  const uint32_t rounded = bits + 0x7fff + (bits >> 16 & 1);
  const uint32_t kept = is_nan ? bits | 0x400000 : rounded;
  return {static_cast<uint16_t>(kept >> 16)};
}

inline float to_float(BFloat16 value) {
  const uint32_t bits = static_cast<uint32_t>(value.bits) << 16;
  float result;
  std::memcpy(&result, &bits, sizeof(result));
  return result;
}

/// So that templates take either type.
inline float to_float(float value) {
  return value;
}

} // namespace coppice::kernels
