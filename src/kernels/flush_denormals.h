#pragma once

#include <cstdint>

namespace coppice::kernels {

/// While it lives, this thread treats denormal floats as zero, as operands and
/// as results; then the thread's own setting returns. Denormals make products
/// of pruned and fine-tuned models up to ten times slower (pytorch#46180). On
/// processors other than x86-64 and 64-bit Arm it does nothing.
class FlushDenormals {
 public:
  FlushDenormals();
  ~FlushDenormals();

  FlushDenormals(const FlushDenormals&) = delete;
  FlushDenormals& operator=(const FlushDenormals&) = delete;

 private:
  uint64_t callers_;
};

} // namespace coppice::kernels
