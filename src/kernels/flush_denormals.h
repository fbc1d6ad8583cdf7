#pragma once

#include <cstdint>

namespace coppice::kernels {

/// While an instance lives, this thread flushes denormal floats to zero, as
/// operands and as results; the destructor restores the thread's setting.
/// Denormals slow products of pruned and fine-tuned models down by up to ten
/// times (pytorch#46180). Has no effect except on x86-64 and 64-bit Arm.
class FlushDenormals {
 public:
  FlushDenormals();
  ~FlushDenormals();

  FlushDenormals(const FlushDenormals&) = delete;
  FlushDenormals& operator=(const FlushDenormals&) = delete;

 private:
  uint64_t saved_;
};

} // namespace coppice::kernels
