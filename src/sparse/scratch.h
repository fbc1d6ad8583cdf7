#pragma once

#include <cstddef>

#include "kernels/buffer.h"

namespace coppice::sparse {

/// Scratch that keeps its memory, so that a call that is not the first
/// allocates nothing. Make it thread_local. What was in it is lost when it
/// grows.
template <class T>
class Kept {
 public:
  T* at_least(size_t count) {
    if (buffer_.size() < count) {
      // The old memory goes before the new comes.
      buffer_ = {};
      buffer_ = kernels::Buffer<T>(count);
    }
    return buffer_.data();
  }

 private:
  kernels::Buffer<T> buffer_;
};

} // namespace coppice::sparse
