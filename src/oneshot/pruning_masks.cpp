#include "oneshot/pruning_masks.h"

#include <torch/utils.h>
#include <string>

#include "coppice/model/torch_tensors.h"

namespace coppice {
namespace {

constexpr int kMostParametrizations = 8;

bool is_mask_of(const StoredTensor* mask, const StoredTensor& tensor) {
  const auto type =
      mask == nullptr ? std::nullopt : scalar_type_of(mask->dtype);
  return type && !c10::isQIntType(*type) && mask->shape == tensor.shape;
}

} // namespace

std::vector<const StoredTensor*> pruning_masks(
    const StoredTensor& tensor,
    const StateDict& state) {
  const std::string orig = "_orig";
  const std::string original = ".original";
  const auto& name = tensor.name;
  const auto ends_with = [&](const std::string& end) {
    return name.size() > end.size() &&
        name.compare(name.size() - end.size(), end.size(), end) == 0;
  };
  std::vector<const StoredTensor*> masks;
  if (ends_with(orig)) {
    const auto* mask =
        state.find(name.substr(0, name.size() - orig.size()) + "_mask");
    if (is_mask_of(mask, tensor)) {
      masks.push_back(mask);
    }
  } else if (
      ends_with(original) &&
      name.find("parametrizations.") != std::string::npos) {
    const auto base = name.substr(0, name.size() - original.size());
    for (int i = 0; i < kMostParametrizations; ++i) {
      const auto* mask = state.find(base + "." + std::to_string(i) + ".mask");
      if (is_mask_of(mask, tensor)) {
        masks.push_back(mask);
      }
    }
  }
  return masks;
}

torch::Tensor effective_weight(
    const StoredTensor& tensor,
    const std::vector<const StoredTensor*>& masks) {
  auto weight = as_tensor(tensor);
  for (const auto* each : masks) {
    // A masked element counts as zero even if it is NaN.
    const auto mask = as_tensor(*each);
    weight = torch::where(
        mask.eq(0),
        torch::zeros({}, weight.options()),
        mask.scalar_type() == torch::kBool ? weight
                                           : weight * mask.to(weight.dtype()));
  }
  return weight;
}

} // namespace coppice
