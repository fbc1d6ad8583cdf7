#include "masks/masked_weight.h"

#include <ATen/Parallel.h>

#include "kernels/masked_parameter.h"
#include "masks/mask_writer.h"
#include "masks/norm_mask.h"
#include "masks/ranges.h"

namespace coppice::masks {

bool is_plain_float(const torch::Tensor& tensor) {
  return tensor.is_cpu() && tensor.scalar_type() == torch::kFloat &&
      tensor.layout() == torch::kStrided && tensor.is_contiguous();
}

void MaskedWeight::absorb_writes(int64_t begin, int64_t end) const {
  if (!dropped.defined()) {
    return;
  }
  const bool wrote = kernels::absorb_writes(
      weight.data_ptr<float>() + begin,
      dropped.data_ptr<float>() + begin,
      cpu::bytes_of(mask) + begin,
      end - begin);
  if (wrote) {
    weight.unsafeGetTensorImpl()->bump_version();
  }
}

void MaskedWeight::absorb_writes() const {
  at::parallel_for(
      0, weight.numel(), cpu::kGrain, [&](int64_t begin, int64_t end) {
        absorb_writes(begin, end);
      });
}

torch::Tensor renewed_mask(
    const MaskedWeight& masked,
    const WeightNormPattern& pattern,
    Norm norm) {
  return norm_mask("weight_norm_mask", masked.weight, pattern, norm, &masked);
}

} // namespace coppice::masks
