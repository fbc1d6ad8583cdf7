#pragma once

#include <cstddef>

#include "coppice/kernels/buffer.h"

namespace coppice::sparse {

/// The bytes that buffers hold.
template <class... T>
size_t bytes_of(const kernels::Buffer<T>&... buffers) {
  return (0 + ... + (buffers.size() * sizeof(T)));
}

} // namespace coppice::sparse
