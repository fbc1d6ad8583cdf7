#include "coppice/masks/norm.h"

namespace coppice {

torch::Tensor elementwise_norm(const torch::Tensor& weight, Norm norm) {
  return norm == Norm::L1 ? weight.abs() : weight * weight;
}

} // namespace coppice
