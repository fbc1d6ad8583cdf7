#pragma once

#include <cstdint>
#include <cstring>

namespace coppice::kernels {

/// The upper half of a float: its sign, its exponent and 7 of the 23 bits of
/// its fraction.
struct BFloat16 {
  uint16_t bits;
};

/// The nearest, ties to even: off by at most 2^-9 of the value. Infinities and
/// the signs of zeros stay, NaN stays NaN, and what is a BFloat16 already stays
/// as it is but for a signalling NaN, which becomes quiet.
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

/// For loops over either type.
inline float to_float(float value) {
  return value;
}

} // namespace coppice::kernels
