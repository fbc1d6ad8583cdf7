#include "coppice/sparse/packed_layer.h"

#include <c10/util/Exception.h>
#include <torch/utils.h>

#include <utility>

#include "coppice/sparse/sparse_conv2d.h"
#include "coppice/sparse/sparse_linear.h"
#include "sparse/linear.h"

namespace coppice::nn {
namespace {

constexpr const char* kKey = "packed_weight";

} // namespace

template <class Derived>
PackedLayer<Derived>::PackedLayer(
    const char* name,
    size_t dims,
    c10::intrusive_ptr<PackedWeight> weight,
    const torch::Tensor& bias)
    : bias(bias), name_(name), weight_(std::move(weight)) {
  TORCH_CHECK_VALUE(weight_, name, ": the packed weight is null");
  TORCH_CHECK_VALUE(
      weight_->shape().size() == dims,
      name,
      ": expected a packed weight of ",
      dims,
      " dimensions but its shape is ",
      torch::IntArrayRef(weight_->shape()));
  sparse::check_operands(name, torch::empty({0}), *weight_, bias);
}

template <class Derived>
void PackedLayer<Derived>::register_bias() {
  bias = this->register_parameter(
      "bias",
      bias.defined() ? bias.detach().clone() : torch::Tensor(),
      /*requires_grad=*/false);
}

template <class Derived>
void PackedLayer<Derived>::print_common(std::ostream& stream) const {
  const bool is_bfloat16 = weight_->dtype() == torch::kBFloat16;
  stream << std::boolalpha << "bias=" << bias.defined()
         << ", format=" << weight_->format()
         << (is_bfloat16 ? ", dtype=bfloat16" : "");
}

template <class Derived>
c10::intrusive_ptr<PackedWeight> PackedLayer<Derived>::zero_weight(
    const std::vector<int64_t>& shape) {
  for (const int64_t size : shape) {
    TORCH_CHECK_VALUE(
        size >= 0,
        "the sizes of a layer must not be negative but are ",
        torch::IntArrayRef(shape));
  }
  // Without nonzeros only the row offsets are stored.
  return PackedWeight::pack(
      torch::zeros(shape, torch::kFloat), PackedFormat::BitmaskRows);
}

template <class Derived>
void PackedLayer<Derived>::save(
    torch::serialize::OutputArchive& archive) const {
  torch::nn::Module::save(archive);
  archive.write(kKey, c10::IValue(weight_));
}

template <class Derived>
void PackedLayer<Derived>::load(torch::serialize::InputArchive& archive) {
  c10::IValue saved;
  TORCH_CHECK_VALUE(
      archive.try_read(kKey, saved) && saved.isCustomClass(),
      name_,
      ": the archive holds no packed weight; load it into the dense layer and "
      "use from_dense");
  auto weight = saved.toCustomClass<PackedWeight>();
  TORCH_CHECK_VALUE(
      weight->shape() == weight_->shape(),
      name_,
      ": the archive holds a weight of shape ",
      torch::IntArrayRef(weight->shape()),
      " but the layer's is ",
      torch::IntArrayRef(weight_->shape()));
  torch::Tensor saved_bias;
  const bool has_bias = archive.try_read("bias", saved_bias);
  TORCH_CHECK_VALUE(
      has_bias == bias.defined(),
      name_,
      has_bias ? ": the archive holds a bias but the layer has none"
               : ": the archive holds no bias but the layer has one");
  if (has_bias) {
    sparse::check_operands(name_, torch::empty({0}), *weight, saved_bias);
    const torch::NoGradGuard no_grad;
    bias.copy_(saved_bias);
  }
  weight_ = std::move(weight);
}

template class PackedLayer<SparseLinearImpl>;
template class PackedLayer<SparseConv2dImpl>;

} // namespace coppice::nn
