#include "oneshot/no_weight.h"

#include <algorithm>
#include <array>

#include "core/fqn.h"
#include "oneshot/name_words.h"

namespace coppice::oneshot {
namespace {

int64_t dims_above_one(const StoredTensor& tensor) {
  return std::count_if(
      tensor.shape.begin(), tensor.shape.end(), [](int64_t size) {
        return size > 1;
      });
}

bool is_weight_leaf(const TensorName& name) {
  constexpr std::array kLeaves = {
      "weight", "weight_orig", "weight_v", "kernel", "w"};
  return is_one_of(name.leaf_part(), kLeaves);
}

/// A layer with one output, [1, n] or [1, n, 1, 1], such as a value head.
bool is_single_output(
    const StoredTensor& tensor,
    const TensorName& name,
    const Neighbours& beside) {
  const auto* bias = beside.bias_of(tensor);
  const auto module = name.module_words();
  return is_weight_leaf(name) && tensor.shape[0] == 1 && tensor.shape[1] > 1 &&
      (bias == nullptr || bias->shape == std::vector<int64_t>{1}) &&
      !has_role(module, NameRole::kScale) &&
      !has_role(module, NameRole::kToken);
}

/// Whether an integer tensor is a quantized weight (a matrix, or packed), not
/// an index.
bool is_quantized_weight(const StoredTensor& tensor) {
  const auto words = words_of(split_fqn(tensor.name).tensor_name);
  const auto is_index = [](const std::string& word) {
    return word == "idx" || word == "index" || word == "indices" ||
        word == "ids" || word == "mask";
  };
  const auto is_weight = [](const std::string& word) {
    return word == "weight" || word == "qweight" || word == "packed";
  };
  return is_few_bits(tensor.dtype) &&
      std::none_of(words.begin(), words.end(), is_index) &&
      (tensor.shape.size() > 1 ||
       std::any_of(words.begin(), words.end(), is_weight));
}

/// bitsandbytes names the parts after the weight: `q_proj.weight.absmax`.
bool belongs_to_quantized(
    const StoredTensor& tensor,
    const Neighbours& beside) {
  const auto module = split_fqn(tensor.name).module_fqn;
  const auto* owner = beside.find(module);
  if (owner != nullptr && is_few_bits(owner->dtype)) {
    return true;
  }
  if (!beside.has_few_bits()) {
    return false;
  }
  const auto others = beside.in_module(module);
  return std::any_of(others.begin(), others.end(), [](const auto* other) {
    return is_quantized_weight(*other);
  });
}

bool is_norm(
    const StoredTensor& tensor,
    const TensorName& name,
    const Neighbours& beside) {
  const auto& leaf = name.leaf_words();
  const auto module = name.module_words();
  if (dims_above_one(tensor) < 2 &&
      (has_role(leaf, NameRole::kShortNorm) ||
       has_role(module, NameRole::kShortNorm))) {
    return true;
  }
  // A layer's bias has only the output dimension.
  const auto* bias = beside.bias_of(tensor);
  const bool is_layer = dims_above_one(tensor) > 1 && bias != nullptr &&
      bias->shape == std::vector<int64_t>{tensor.shape[0]};
  return has_role(leaf, NameRole::kNorm) ||
      (has_role(module, NameRole::kNorm) && !is_layer);
}

/// A parameter that is broadcast over the batch, not a layer's weight: tokens,
/// queries, a constant input.
bool is_shared_by_batch(const StoredTensor& tensor, const TensorName& name) {
  return tensor.shape.size() > 2 && tensor.shape[0] == 1 &&
      !is_weight_leaf(name) &&
      !any_has_role(name.leaf_words(), NameRole::kLayer);
}

bool is_token(const StoredTensor& tensor, const TensorName& name) {
  const auto module = name.module_words();
  const bool is_module = !module.empty() && module.front() != "to" &&
      (module.back() == "token" || module.back() == "tokens");
  return is_module || has_role(name.leaf_words(), NameRole::kToken) ||
      is_shared_by_batch(tensor, name);
}

} // namespace

std::string why_no_weight(
    const StoredTensor& tensor,
    const TensorName& name,
    const Neighbours& beside) {
  const auto& leaf = name.leaf_words();
  const auto module = name.module_words();
  const auto is_leaf = [&](NameRole role) { return has_role(leaf, role); };
  if (name.is_gain || name.leaf_part() == "weight_g") {
    return "the gain of a weight norm";
  }
  if (belongs_to_quantized(tensor, beside)) {
    return "part of a quantized weight";
  }
  if (is_norm(tensor, name, beside)) {
    return "of a norm";
  }
  if (const auto* bias = beside.bias_of(tensor);
      bias != nullptr && bias != &tensor && bias->shape == tensor.shape) {
    return "scales elements: its bias has its shape";
  }
  if (is_leaf(NameRole::kQuantization)) {
    return "part of a quantized weight";
  }
  constexpr std::array kNormalizers = {
      "obs_rms",
      "ret_rms",
      "running_mean_std",
      "normalizer",
      "scaler",
      "grad_scaler"};
  if (is_leaf(NameRole::kStatistic) ||
      std::any_of(name.parts.begin(), name.parts.end(), [&](const auto& part) {
        return is_one_of(part, kNormalizers);
      })) {
    return "a statistic";
  }
  constexpr std::array kBonuses = {"time_first", "time_faaaa"}; // RWKV's.
  if (is_leaf(NameRole::kScale) || is_one_of(name.leaf_part(), kBonuses)) {
    return "a scale";
  }
  if (tensor.numel() == 1) {
    return "a single number";
  }
  const bool is_vector =
      dims_above_one(tensor) < 2 && !is_single_output(tensor, name, beside);
  if (is_token(tensor, name)) {
    return "tokens";
  }
  if (is_vector) {
    return "a vector";
  }
  if (!module.empty() && any_has_role({module.back()}, NameRole::kBias)) {
    return "a table of biases";
  }
  constexpr std::array kTables = {
      "table",
      "queue", // Of samples seen before.
      "bank",
      "centers",
      "prototypes",
      "components",
      "transitions"}; // From tag to tag.
  if (!leaf.empty() && is_one_of(leaf.back(), kTables)) {
    return "a table";
  }
  return "";
}

} // namespace coppice::oneshot
