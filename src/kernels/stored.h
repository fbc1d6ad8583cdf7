#pragma once

#include <cstdint>
#include <cstring>

namespace coppice::kernels {

/// Whether a packed weight keeps `value`: all but 0 and -0. By its bits, since
/// denormals are stored also where the processor takes them for zero.
inline bool is_stored(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return (bits & 0x7fffffff) != 0;
}

} // namespace coppice::kernels
