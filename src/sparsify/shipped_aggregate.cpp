#include "sparsify/shipped_aggregate.h"

#include <torch/torch.h>

#include "kernels/add.h"

namespace coppice::sparsify {
namespace {

/// Whether the tensor is small, in plain memory: then LibTorch's dispatch takes
/// longer than the addition.
bool is_small_and_plain(const torch::Tensor& tensor) {
  constexpr int64_t kFew = 32768; // LibTorch adds more with several threads.
  return tensor.numel() <= kFew && tensor.has_storage() && tensor.is_cpu() &&
      tensor.scalar_type() == torch::kFloat && tensor.is_contiguous() &&
      !tensor.is_neg() && !tensor._is_zerotensor();
}

} // namespace

torch::Tensor ShippedAggregate::value(const torch::Tensor& activation) const {
  return of_magnitudes ? activation.abs() : activation;
}

void ShippedAggregate::add(torch::Tensor& rows, const torch::Tensor& value)
    const {
  if (is_maximum) {
    torch::maximum_out(rows, rows, value);
  } else if (is_small_and_plain(rows) && is_small_and_plain(value)) {
    kernels::add_to(
        rows.data_ptr<float>(), value.data_ptr<float>(), value.numel());
  } else {
    rows.add_(value);
  }
}

} // namespace coppice::sparsify
