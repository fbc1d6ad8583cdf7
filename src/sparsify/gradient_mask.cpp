#include "sparsify/gradient_mask.h"

#include <ATen/Parallel.h>
#include <torch/types.h>
#include <torch/utils.h>

#include "kernels/masked_parameter.h"
#include "masks/mask_writer.h"
#include "masks/masked_weight.h"

namespace coppice::sparsify {
namespace {

/// The gradient is still in the caches of the core that wrote it, so a second
/// thread pays off only for large ones.
constexpr int64_t kGradientGrain = int64_t(1) << 21;

torch::Tensor masked_sparse_gradient(
    const torch::Tensor& gradient,
    const torch::Tensor& mask) {
  const auto rows = gradient.coalesce();
  const auto dropped = mask.index_select(0, rows.indices()[0]).logical_not();
  return torch::sparse_coo_tensor(
      rows.indices(), rows.values().masked_fill(dropped, 0), gradient.sizes());
}

/// In place, on all threads for large tensors.
void mask_in_place(const torch::Tensor& gradient, const torch::Tensor& mask) {
  auto* values = gradient.data_ptr<float>();
  const auto* keep = masks::cpu::bytes_of(mask);
  at::parallel_for(
      0, gradient.numel(), kGradientGrain, [&](int64_t begin, int64_t end) {
        kernels::mask_gradient(values + begin, keep + begin, end - begin);
      });
}

} // namespace

void mask_gradient_of(
    const torch::Tensor& parameter,
    const torch::Tensor& mask) {
  auto& gradient = parameter.mutable_grad();
  if (!gradient.defined()) {
    return;
  }
  const auto mask_there = mask.to(gradient.device());
  if (gradient.is_sparse()) {
    gradient = masked_sparse_gradient(gradient, mask_there);
  } else if (gradient.requires_grad()) {
    // With a graph, for gradients of gradients.
    const torch::AutoGradMode with_grad(true);
    gradient = gradient.masked_fill(mask_there.logical_not(), 0);
  } else if (masks::is_plain_float(gradient)) {
    mask_in_place(gradient, mask_there);
  } else {
    gradient.masked_fill_(mask_there.logical_not(), 0);
  }
}

} // namespace coppice::sparsify
