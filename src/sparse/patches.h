#pragma once

#include <cstddef>
#include <cstdint>

#include "sparse/conv2d.h"

namespace coppice::sparse {

/// A convolution seen as a product: every pixel of the results is an input, the
/// patch of pixels under the kernel. A patch has channels * kernel height *
/// kernel width columns, in this order.
struct Patches {
  const float* x;
  int64_t x_strides[4]; ///< Of image, channel, row and column.
  int64_t channels, height, width;
  int64_t kernel_height, kernel_width;
  int64_t out_height, out_width;
  ConvSteps steps;

  size_t columns() const {
    return static_cast<size_t>(channels * kernel_height * kernel_width);
  }
};

/// Writes the patches of pixels [first, first + count), counted through all
/// images: column k of the p-th at to[k * column_step + p * pixel_step].
void write_patches(
    const Patches& patches,
    size_t first,
    size_t count,
    float* to,
    size_t column_step,
    size_t pixel_step);

} // namespace coppice::sparse
