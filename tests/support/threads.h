#pragma once

#include <ATen/Parallel.h>

namespace coppice::testing {

/// Restores the number of LibTorch's threads.
class Threads {
 public:
  Threads() : before_(at::get_num_threads()) {}
  explicit Threads(int count) : Threads() {
    at::set_num_threads(count);
  }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;
  ~Threads() {
    at::set_num_threads(before_);
  }

 private:
  int before_;
};

} // namespace coppice::testing
