#pragma once

#include <cstddef>

#include "kernels/buffer.h"

namespace coppice::sparse {

/// Scratch memory that is reused, so that only the first call of a size
/// allocates. Declare it thread_local. Growing discards the content.
template <class T>
class Scratch {
 public:
  T* at_least(size_t count) {
    if (buffer_.size() < count) {
      // Frees the old memory before allocating.
      buffer_ = {};
      buffer_ = kernels::Buffer<T>(count);
    }
    return buffer_.data();
  }

 private:
  kernels::Buffer<T> buffer_;
};

} // namespace coppice::sparse
