#include "model/gradient_mask.h"

#include <ATen/Parallel.h>
#include <torch/torch.h>

#include "coppice/kernels/masked_parameter.h"
#include "model/fast_path.h"

namespace coppice {
namespace {

/// The autograd engine holds a gradient twice while hooks run: in its own list
/// and in the copy that it hands to the hook. A third holder may read it later.
constexpr size_t kEngineReferences = 2;

bool is_private(const torch::Tensor& gradient) {
  return gradient.use_count() <= kEngineReferences &&
      gradient.storage().use_count() == 1 && !gradient.requires_grad();
}

torch::Tensor masked_sparse_gradient(
    const torch::Tensor& gradient,
    const torch::Tensor& mask) {
  const auto rows = gradient.coalesce();
  const auto dropped = mask.index_select(0, rows.indices()[0]).logical_not();
  return torch::sparse_coo_tensor(
      rows.indices(), rows.values().masked_fill(dropped, 0), gradient.sizes());
}

} // namespace

torch::Tensor masked_gradient(
    const torch::Tensor& gradient,
    const torch::Tensor& mask) {
  if (!gradient.defined()) {
    return gradient;
  }
  const auto mask_there = mask.to(gradient.device());
  if (gradient.is_sparse()) {
    return masked_sparse_gradient(gradient, mask_there);
  }
  if (!has_fast_path(gradient) || !is_private(gradient)) {
    return gradient.masked_fill(mask_there.logical_not(), 0);
  }
  auto* values = gradient.data_ptr<float>();
  const auto* keep = mask_bytes(mask_there);
  at::parallel_for(
      0, gradient.numel(), kFastPathGrain, [&](int64_t begin, int64_t end) {
        kernels::mask_gradient(values + begin, keep + begin, end - begin);
      });
  return gradient;
}

} // namespace coppice
