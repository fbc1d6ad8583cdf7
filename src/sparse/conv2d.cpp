#include "sparse/conv2d.h"

#include <c10/util/Exception.h>

#include <algorithm>

#include "kernels/transpose.h"
#include "sparse/parts.h"
#include "sparse/patches.h"
#include "sparse/scratch.h"

namespace coppice::sparse {
namespace {

using kernels::Range;

/// The arguments of a convolution.
struct Convolution {
  const Product& product;
  Patches patches;
  size_t pixels; ///< Of one output image.
  size_t images;
  const float* bias;
  float* y;
  bool channels_last; ///< Layout of `y`; else [images, out, pixels].
  bool relu;
};

/// Pixels processed together. Must not depend on the number of threads, because
/// the order of summation depends on it.
size_t block_pixels(size_t columns) {
  // Their patches and the weights stay in the L2 cache.
  constexpr size_t kPatchFloats = 65536;
  constexpr size_t kTile = 64;
  const size_t tiles = kPatchFloats / kTile / std::max<size_t>(columns, 1);
  return std::clamp<size_t>(tiles, 1, 8) * kTile;
}

/// The patches of a block in the layout of the product, in scratch of this
/// thread.
const float*
block_patches(const Convolution& conv, size_t first, size_t count) {
  thread_local Scratch<float> scratch;
  const size_t columns = conv.patches.columns();
  if (!conv.product.takes_tiles(count)) {
    float* rows = scratch.at_least(count * columns);
    write_patches(conv.patches, first, count, rows, 1, columns);
    return rows;
  }
  const size_t size = kernels::transposed_size(count, columns);
  float* tiles = scratch.at_least(size);
  float* tile = tiles;
  for (size_t done = 0; done < count;) {
    const size_t width = kernels::tile_width(count - done);
    const size_t real = std::min(width, count - done);
    if (real < width) {
      std::fill_n(tile, width * columns, 0.0f);
    }
    write_patches(conv.patches, first + done, real, tile, width, 1);
    tile += width * columns;
    done += width;
  }
  return tiles;
}

/// Copies the results of a block, [count, out], to the images.
void scatter(
    const Convolution& conv,
    const float* results,
    size_t first,
    size_t count) {
  const size_t rows = conv.product.rows();
  for (size_t done = 0; done < count;) {
    const size_t image = (first + done) / conv.pixels;
    const size_t pixel = (first + done) % conv.pixels;
    const size_t part = std::min(conv.pixels - pixel, count - done);
    kernels::transpose(
        results + done * rows,
        part,
        rows,
        rows,
        conv.y + image * rows * conv.pixels + pixel,
        conv.pixels);
    done += part;
  }
}

/// Computes pixels [first, first + count); `threads` share the rows of the
/// weight.
void run_block(
    const Convolution& conv,
    size_t first,
    size_t count,
    size_t threads) {
  thread_local Scratch<float> scratch;
  const size_t rows = conv.product.rows();
  ProductCall call;
  call.x = block_patches(conv, first, count);
  call.batch = count;
  call.bias = conv.bias;
  call.relu = conv.relu;
  call.y = conv.channels_last ? conv.y + first * rows
                              : scratch.at_least(count * rows);
  for_each_part(threads, [&](size_t part) {
    conv.product.run(call, conv.product.part(part, threads));
  });
  if (!conv.channels_last) {
    scatter(conv, call.y, first, count);
  }
}

void run(const Convolution& conv) {
  const size_t all = conv.images * conv.pixels;
  const size_t step = block_pixels(conv.patches.columns());
  const size_t blocks = (all + step - 1) / step;
  const size_t threads = threads_for(conv.product.nanoseconds(all));
  const auto run_blocks = [&](Range range, size_t threads_of_each) {
    for (size_t b = range.begin; b < range.end; ++b) {
      const size_t first = b * step;
      run_block(conv, first, std::min(step, all - first), threads_of_each);
    }
  };
  if (blocks < threads) {
    run_blocks({0, blocks}, threads);
    return;
  }
  for_each_part(threads, [&](size_t part) {
    run_blocks(kernels::even_range(blocks, part, threads), 1);
  });
}

bool is_pointwise(const PackedWeight& w, const ConvSteps& steps) {
  return w.shape()[2] == 1 && w.shape()[3] == 1 && steps.stride[0] == 1 &&
      steps.stride[1] == 1 && steps.padding[0] == 0 && steps.padding[1] == 0;
}

Patches patches_of(
    const torch::Tensor& x,
    const PackedWeight& w,
    const torch::Tensor& y,
    const ConvSteps& steps) {
  Patches patches{
      x.data_ptr<float>(),
      {x.stride(0), x.stride(1), x.stride(2), x.stride(3)},
      x.size(1),
      x.size(2),
      x.size(3),
      w.shape()[2],
      w.shape()[3],
      y.size(2),
      y.size(3),
      steps};
  if (is_pointwise(w, steps) && x.stride(2) == x.size(3) * x.stride(3)) {
    // Rows are contiguous: treat the image as one long row.
    patches.height = patches.out_height = 1;
    patches.width = patches.out_width = x.size(2) * x.size(3);
  }
  return patches;
}

int64_t
out_size(int64_t in, int64_t kernel, const ConvSteps& steps, size_t which) {
  const int64_t room =
      in + 2 * steps.padding[which] - steps.dilation[which] * (kernel - 1) - 1;
  return room < 0 ? 0 : room / steps.stride[which] + 1;
}

void set_pair(
    const char* function,
    const char* what,
    c10::IntArrayRef given,
    int64_t least,
    std::array<int64_t, 2>& pair) {
  TORCH_CHECK_VALUE(
      (given.size() == 1 || given.size() == 2) && given.front() >= least &&
          given.back() >= least,
      function,
      ": expected a ",
      what,
      " of one or two numbers of at least ",
      least,
      " but got ",
      given);
  pair = {given.front(), given.back()};
}

} // namespace

ConvSteps conv_steps(
    const char* function,
    c10::IntArrayRef stride,
    c10::IntArrayRef padding,
    c10::IntArrayRef dilation) {
  ConvSteps steps;
  set_pair(function, "stride", stride, 1, steps.stride);
  set_pair(function, "padding", padding, 0, steps.padding);
  set_pair(function, "dilation", dilation, 1, steps.dilation);
  return steps;
}

torch::Tensor conv2d_result(
    const char* function,
    const torch::Tensor& x,
    const PackedWeight& w,
    const OptionalTensor& bias,
    const ConvSteps& steps) {
  check_operands(function, x, w, bias);
  TORCH_CHECK_VALUE(
      w.shape().size() == 4,
      function,
      ": expected a packed weight [out, in, height, width] but its shape is ",
      torch::IntArrayRef(w.shape()));
  const auto& shape = w.shape();
  TORCH_CHECK_VALUE(
      (x.dim() == 3 || x.dim() == 4) && x.size(-3) == shape[1],
      function,
      ": an input of shape ",
      x.sizes(),
      " does not match a weight of shape ",
      torch::IntArrayRef(shape),
      "; expected [batch, ",
      shape[1],
      ", height, width] or the same without the batch");
  const int64_t height = out_size(x.size(-2), shape[2], steps, 0);
  const int64_t width = out_size(x.size(-1), shape[3], steps, 1);
  TORCH_CHECK_VALUE(
      height > 0 && width > 0,
      function,
      ": an input of shape ",
      x.sizes(),
      " is smaller than the kernel of a weight of shape ",
      torch::IntArrayRef(shape));
  auto sizes = x.sizes().vec();
  *(sizes.end() - 3) = shape[0];
  *(sizes.end() - 2) = height;
  *(sizes.end() - 1) = width;
  const auto format =
      x.dim() == 4 ? x.suggest_memory_format() : c10::MemoryFormat::Contiguous;
  return at::empty(sizes, x.options().memory_format(format));
}

torch::Tensor conv2d_cpu(
    const char* function,
    const torch::Tensor& x,
    const PackedWeight& w,
    const OptionalTensor& bias,
    const ConvSteps& steps,
    bool relu) {
  auto y = conv2d_result(function, x, w, bias, steps);
  if (y.numel() == 0) {
    return y;
  }
  const auto images = x.dim() == 3 ? x.unsqueeze(0) : x;
  const auto results = x.dim() == 3 ? y.unsqueeze(0) : y;
  const auto added = contiguous_bias(bias);
  const Convolution conv{
      w.product(),
      patches_of(images, w, results, steps),
      static_cast<size_t>(results.size(2) * results.size(3)),
      static_cast<size_t>(results.size(0)),
      added.defined() ? added.data_ptr<float>() : nullptr,
      y.data_ptr<float>(),
      !results.is_contiguous(),
      relu};
  if (conv.channels_last && is_pointwise(w, steps) &&
      images.is_contiguous(c10::MemoryFormat::ChannelsLast)) {
    // The pixels already are the rows of a matrix.
    ProductCall call;
    call.x = conv.patches.x;
    call.batch = conv.images * conv.pixels;
    call.bias = conv.bias;
    call.y = conv.y;
    call.relu = relu;
    multiply(conv.product, call);
  } else {
    run(conv);
  }
  return y;
}

} // namespace coppice::sparse
