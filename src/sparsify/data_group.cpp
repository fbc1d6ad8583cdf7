#include "coppice/sparsify/data_group.h"

#include <torch/torch.h>

namespace coppice {
namespace {

template <typename Holder>
torch::Tensor weight_of(const Holder& embedding) {
  return embedding.is_empty() ? torch::Tensor() : embedding->weight;
}

} // namespace

Data::Data(const torch::nn::Embedding& embedding)
    : tensor_(weight_of(embedding)) {}

Data::Data(const torch::nn::EmbeddingBag& embedding)
    : tensor_(weight_of(embedding)) {}

torch::Tensor DataGroup::masked() const {
  if (squashed) {
    return data;
  }
  check_shape();
  // masked_fill and not a product, which keeps NaN.
  return data.masked_fill(dropped(), 0);
}

torch::Tensor DataGroup::dropped() const {
  return mask.to(data.device()).logical_not();
}

void DataGroup::check_shape() const {
  TORCH_CHECK_VALUE(
      data.sizes() == mask.sizes(),
      "the data `",
      name,
      "` has the shape ",
      data.sizes(),
      " by now, but its mask has ",
      mask.sizes(),
      "; add it again without its mask");
}

} // namespace coppice
