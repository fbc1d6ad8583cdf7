#include "sparse/layer_archive.h"

#include <c10/util/Exception.h>
#include <torch/utils.h>

#include "sparse/linear.h"

namespace coppice::sparse {
namespace {

constexpr const char* kKey = "packed_weight";

} // namespace

c10::intrusive_ptr<PackedWeight> zero_weight(
    const std::vector<int64_t>& shape) {
  for (const int64_t size : shape) {
    TORCH_CHECK_VALUE(
        size >= 0,
        "the sizes of a layer must not be negative but are ",
        torch::IntArrayRef(shape));
  }
  // Without a non-zero nothing but the beginnings of rows is stored.
  return PackedWeight::pack(
      torch::zeros(shape, torch::kFloat), PackedFormat::BitmaskRows);
}

void check_layer(
    const char* layer,
    const c10::intrusive_ptr<PackedWeight>& weight,
    size_t dims,
    const torch::Tensor& bias) {
  TORCH_CHECK_VALUE(weight, layer, ": the packed weight is null");
  TORCH_CHECK_VALUE(
      weight->shape().size() == dims,
      layer,
      ": expected a packed weight of ",
      dims,
      " dimensions but its shape is ",
      torch::IntArrayRef(weight->shape()));
  check_operands(layer, torch::empty({0}), *weight, bias);
}

void write_weight(
    torch::serialize::OutputArchive& archive,
    const c10::intrusive_ptr<PackedWeight>& weight) {
  archive.write(kKey, c10::IValue(weight));
}

c10::intrusive_ptr<PackedWeight> read_layer(
    const char* layer,
    torch::serialize::InputArchive& archive,
    const PackedWeight& present,
    torch::Tensor& bias) {
  c10::IValue saved;
  TORCH_CHECK_VALUE(
      archive.try_read(kKey, saved) && saved.isCustomClass(),
      layer,
      ": the archive holds no packed weight; load it into the dense layer and "
      "use from_dense");
  auto weight = saved.toCustomClass<PackedWeight>();
  TORCH_CHECK_VALUE(
      weight->shape() == present.shape(),
      layer,
      ": the archive holds a weight of shape ",
      torch::IntArrayRef(weight->shape()),
      " but the layer's is ",
      torch::IntArrayRef(present.shape()));
  torch::Tensor saved_bias;
  const bool has_bias = archive.try_read("bias", saved_bias);
  TORCH_CHECK_VALUE(
      has_bias == bias.defined(),
      layer,
      has_bias ? ": the archive holds a bias but the layer has none"
               : ": the archive holds no bias but the layer has one");
  if (has_bias) {
    check_operands(layer, torch::empty({0}), *weight, saved_bias);
    const torch::NoGradGuard no_grad;
    bias.copy_(saved_bias);
  }
  return weight;
}

} // namespace coppice::sparse
