#pragma once

#include <cstddef>
#include <cstdint>

#include "sparse/conv2d.h"

namespace coppice::sparse {

/// A convolution as a matrix product (im2col): each output pixel is an input
/// row, the patch of pixels under the kernel. A patch has channels * kernel
/// height * kernel width columns, in this order.
struct Patches {
  const float* x;
  int64_t x_strides[4]; ///< Image, channel, row, column.
  int64_t channels, height, width;
  int64_t kernel_height, kernel_width;
  int64_t out_height, out_width;
  ConvSteps steps;

  size_t columns() const {
    return static_cast<size_t>(channels * kernel_height * kernel_width);
  }
};

/// Writes the patches of output pixels [first, first + count), counted over all
/// images: column k of patch p at to[k * column_step + p * pixel_step].
void write_patches(
    const Patches& patches,
    size_t first,
    size_t count,
    float* to,
    size_t column_step,
    size_t pixel_step);

} // namespace coppice::sparse
