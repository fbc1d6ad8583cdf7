#include "coppice/masks/norm.h"

#include "masks/criterion.h"

namespace coppice {

torch::Tensor elementwise_norm(const torch::Tensor& weight, Norm norm) {
  return masks::criterion_of(norm).scores(weight);
}

} // namespace coppice
