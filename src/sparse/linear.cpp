#include "sparse/linear.h"

#include <c10/util/Exception.h>

#include <algorithm>

#include "kernels/transpose.h"
#include "sparse/parts.h"
#include "sparse/scratch.h"

namespace coppice::sparse {
namespace {

/// Inputs transposed at a time: enough that rereading the weight costs nothing,
/// few enough that the scratch stays small.
constexpr size_t kMaxInputs = 1024;

/// Transposes `x`, [batch, cols], to tiles by `parts` threads, into scratch of
/// this thread.
const float*
transposed(const float* x, size_t batch, size_t cols, size_t parts) {
  thread_local Scratch<float> scratch;
  float* tiles = scratch.at_least(kernels::transposed_size(batch, cols));
  for_each_part(parts, [&](size_t part) {
    kernels::transpose_batch(
        x, batch, cols, kernels::even_range(cols, part, parts), tiles);
  });
  return tiles;
}

/// Whether each thread transposes the whole input itself. Reading what another
/// core has just written takes longer than transposing it again, if that is
/// cheap beside the product and fits the L2 cache.
bool use_own_tiles(const Product& product, size_t batch, size_t parts) {
  constexpr size_t kMaxTiles = (512 << 10) / sizeof(float);
  constexpr size_t kMinWork = 16; // Multiplications per transposed value.
  return kernels::transposed_size(batch, product.cols()) <= kMaxTiles &&
      product.stored() / parts >= kMinWork * product.cols();
}

void multiply_block(const Product& product, ProductCall call) {
  const size_t batch = call.batch;
  const size_t cols = product.cols();
  const size_t parts = threads_for(product.nanoseconds(batch));
  const bool tiles = product.takes_tiles(batch);
  const bool own = tiles && use_own_tiles(product, batch, parts);
  if (tiles && !own) {
    constexpr double kTransposed = 0.2; // Nanoseconds a value.
    const size_t shares = threads_for(kTransposed * batch * cols);
    call.x = transposed(call.x, batch, cols, shares);
  }
  for_each_part(parts, [&](size_t part) {
    ProductCall mine = call;
    if (own) {
      mine.x = transposed(call.x, batch, cols, 1);
    }
    product.run(mine, product.part(part, parts));
  });
}

} // namespace

void multiply(const Product& product, const ProductCall& call) {
  for (size_t first = 0; first < call.batch; first += kMaxInputs) {
    ProductCall block = call;
    block.batch = std::min(kMaxInputs, call.batch - first);
    block.x += first * product.cols();
    block.y += first * product.rows();
    multiply_block(product, block);
  }
}

torch::Tensor contiguous_bias(const OptionalTensor& bias) {
  return bias && bias->defined() ? bias->contiguous() : torch::Tensor();
}

void check_operands(
    const char* function,
    const torch::Tensor& x,
    const PackedWeight& w,
    const OptionalTensor& bias) {
  TORCH_CHECK_TYPE(
      x.scalar_type() == torch::kFloat,
      function,
      ": expected a float32 input but got ",
      x.scalar_type(),
      "; convert it with x.to(torch::kFloat)");
  if (!bias || !bias->defined()) {
    return;
  }
  TORCH_CHECK_TYPE(
      bias->scalar_type() == torch::kFloat,
      function,
      ": expected a float32 bias but got ",
      bias->scalar_type());
  TORCH_CHECK_VALUE(
      bias->dim() == 1 && bias->size(0) == w.rows() &&
          bias->device() == x.device(),
      function,
      ": expected a bias of shape [",
      w.rows(),
      "] beside the input on ",
      x.device(),
      " but got ",
      bias->sizes(),
      " on ",
      bias->device());
}

std::vector<int64_t> linear_shape(
    const char* function,
    const torch::Tensor& x,
    const PackedWeight& w,
    const OptionalTensor& bias) {
  check_operands(function, x, w, bias);
  TORCH_CHECK_VALUE(
      w.shape().size() == 2,
      function,
      ": expected a packed weight [out, in] but its shape is ",
      torch::IntArrayRef(w.shape()),
      "; use conv2d for the weight of a convolution");
  TORCH_CHECK_VALUE(
      x.dim() > 0 && x.size(-1) == w.cols(),
      function,
      ": an input of shape ",
      x.sizes(),
      " does not match a weight of shape ",
      torch::IntArrayRef(w.shape()),
      "; its last dimension must be ",
      w.cols());
  auto shape = x.sizes().vec();
  shape.back() = w.rows();
  return shape;
}

torch::Tensor linear_cpu(
    const char* function,
    const torch::Tensor& x,
    const PackedWeight& w,
    const OptionalTensor& bias,
    bool relu) {
  auto y = at::empty(linear_shape(function, x, w, bias), x.options());
  if (y.numel() == 0) {
    return y;
  }
  const auto rows = x.contiguous();
  const auto added = contiguous_bias(bias);
  ProductCall call;
  call.x = rows.data_ptr<float>();
  call.batch = static_cast<size_t>(y.numel() / w.rows());
  call.bias = added.defined() ? added.data_ptr<float>() : nullptr;
  call.y = y.data_ptr<float>();
  call.relu = relu;
  multiply(w.product(), call);
  return y;
}

} // namespace coppice::sparse
