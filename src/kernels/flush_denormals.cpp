#include "kernels/flush_denormals.h"

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace coppice::kernels {
namespace {

#if defined(__x86_64__)

/// MXCSR's flush-to-zero and denormals-are-zero.
constexpr uint64_t kFlush = 0x8000 | 0x0040;

uint64_t control() {
  return _mm_getcsr();
}
void set_control(uint64_t value) {
  _mm_setcsr(static_cast<uint32_t>(value));
}

#elif defined(__aarch64__)

constexpr uint64_t kFlush = uint64_t(1) << 24;

uint64_t control() {
  uint64_t value;
  asm volatile("mrs %0, fpcr" : "=r"(value));
  return value;
}
void set_control(uint64_t value) {
  asm volatile("msr fpcr, %0" : : "r"(value));
}

#else

constexpr uint64_t kFlush = 0;

uint64_t control() {
  return 0;
}
void set_control(uint64_t /*value*/) {}

#endif

} // namespace

FlushDenormals::FlushDenormals() : saved_(control()) {
  if ((saved_ & kFlush) != kFlush) {
    set_control(saved_ | kFlush);
  }
}

FlushDenormals::~FlushDenormals() {
  if ((saved_ & kFlush) != kFlush) {
    set_control(saved_);
  }
}

} // namespace coppice::kernels
