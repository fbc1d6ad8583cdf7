#include "coppice/sparse/sparse_linear.h"

#include <torch/utils.h>

#include <utility>

#include "coppice/sparse/operators.h"
#include "sparse/layer_archive.h"

namespace coppice::nn {

SparseLinearImpl::SparseLinearImpl(
    int64_t in_features,
    int64_t out_features,
    bool bias)
    : SparseLinearImpl(
          sparse::zero_weight({out_features, in_features}),
          bias ? torch::zeros({out_features}) : torch::Tensor()) {}

SparseLinearImpl::SparseLinearImpl(
    c10::intrusive_ptr<PackedWeight> weight,
    const torch::Tensor& bias)
    : bias(bias), weight_(std::move(weight)) {
  sparse::check_layer("SparseLinear", weight_, 2, bias);
  SparseLinearImpl::reset();
}

void SparseLinearImpl::reset() {
  bias = register_parameter(
      "bias",
      bias.defined() ? bias.detach().clone() : torch::Tensor(),
      /*requires_grad=*/false);
}

torch::Tensor SparseLinearImpl::forward(const torch::Tensor& x) {
  return linear(x, weight_, bias);
}

void SparseLinearImpl::pretty_print(std::ostream& stream) const {
  stream << std::boolalpha
         << "coppice::nn::SparseLinear(in_features=" << weight_->cols()
         << ", out_features=" << weight_->rows() << ", bias=" << bias.defined()
         << ", format=" << weight_->format() << ")";
}

void SparseLinearImpl::save(torch::serialize::OutputArchive& archive) const {
  torch::nn::Module::save(archive);
  sparse::write_weight(archive, weight_);
}

void SparseLinearImpl::load(torch::serialize::InputArchive& archive) {
  weight_ = sparse::read_layer("SparseLinear", archive, *weight_, bias);
}

SparseLinear SparseLinear::from_dense(
    const torch::nn::LinearImpl& dense,
    PackedFormat format,
    int64_t batch) {
  return SparseLinear(
      PackedWeight::pack(dense.weight, format, batch), dense.bias);
}

SparseLinear SparseLinear::from_dense(
    const torch::nn::Linear& dense,
    PackedFormat format,
    int64_t batch) {
  return from_dense(*dense, format, batch);
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
