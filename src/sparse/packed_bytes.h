#pragma once

#include <cstddef>

#include "kernels/buffer.h"
#include "kernels/values.h"

namespace coppice::sparse {

/// Bytes of the values and other buffers of a format.
template <class... T>
size_t bytes_of(
    const kernels::Values& values,
    const kernels::Buffer<T>&... others) {
  return (values.nbytes() + ... + (others.size() * sizeof(T)));
}

} // namespace coppice::sparse
