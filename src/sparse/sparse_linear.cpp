#include "coppice/sparse/sparse_linear.h"

#include <torch/utils.h>

#include <utility>

#include "coppice/sparse/operators.h"

namespace coppice::nn {

SparseLinearImpl::SparseLinearImpl(
    int64_t in_features,
    int64_t out_features,
    bool bias)
    : SparseLinearImpl(
          zero_weight({out_features, in_features}),
          bias ? torch::zeros({out_features}) : torch::Tensor()) {}

SparseLinearImpl::SparseLinearImpl(
    c10::intrusive_ptr<PackedWeight> weight,
    const torch::Tensor& bias)
    : PackedLayer("SparseLinear", 2, std::move(weight), bias) {
  SparseLinearImpl::reset();
}

void SparseLinearImpl::reset() {
  register_bias();
}

torch::Tensor SparseLinearImpl::forward(const torch::Tensor& x) {
  return linear(x, weight(), bias);
}

void SparseLinearImpl::pretty_print(std::ostream& stream) const {
  stream << "coppice::nn::SparseLinear(in_features=" << weight()->cols()
         << ", out_features=" << weight()->rows() << ", ";
  print_common(stream);
  stream << ")";
}

SparseLinear SparseLinear::from_dense(
    const torch::nn::LinearImpl& dense,
    const PackedWeightOptions& options) {
  return SparseLinear(PackedWeight::pack(dense.weight, options), dense.bias);
}

SparseLinear SparseLinear::from_dense(
    const torch::nn::Linear& dense,
    const PackedWeightOptions& options) {
  return from_dense(*dense, options);
}

torch::nn::Linear SparseLinear::to_dense() const {
  const auto& packed = *get()->weight();
  const auto& bias = get()->bias;
  torch::nn::Linear dense(torch::nn::LinearOptions(packed.cols(), packed.rows())
                              .bias(bias.defined()));
  const torch::NoGradGuard no_grad;
  dense->weight.copy_(packed.to_dense());
  if (bias.defined()) {
    dense->bias.copy_(bias);
  }
  return dense;
}

} // namespace coppice::nn
