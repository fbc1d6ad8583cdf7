#include "oneshot/weight_layout.h"

#include <torch/utils.h>

#include <algorithm>
#include <numeric>
#include <optional>

#include "core/fqn.h"

namespace coppice::oneshot {
namespace {

/// Compares the bias's length with both dimensions of the weight.
std::optional<bool> told_by_bias(
    const StoredTensor& tensor,
    const Neighbours& beside) {
  const auto* bias = beside.bias_of(tensor);
  if (bias == nullptr || bias->shape.size() != 1 ||
      tensor.shape[0] == tensor.shape[1]) {
    return std::nullopt;
  }
  return bias->shape[0] == tensor.shape[1] ? std::make_optional(true)
      : bias->shape[0] == tensor.shape[0]  ? std::make_optional(false)
                                           : std::nullopt;
}

/// "transformer.h.0." of "transformer.h.0.attn.c_attn.weight"; empty if the
/// name is not GPT-2's.
std::string gpt2_block(const std::string& fqn) {
  const auto module = split_fqn(split_fqn(fqn).module_fqn).tensor_name;
  if (module != "c_attn" && module != "c_proj" && module != "c_fc" &&
      module != "q_attn") {
    return "";
  }
  for (size_t at = fqn.find("h."); at != std::string::npos;
       at = fqn.find("h.", at + 1)) {
    const auto number = at + 2;
    const auto end = fqn.find_first_not_of("0123456789", number);
    if ((at == 0 || fqn[at - 1] == '.') && end != std::string::npos &&
        end > number && fqn[end] == '.') {
      return fqn.substr(0, end + 1);
    }
  }
  return "";
}

/// For the query-key-value projection and the widening layer, which have more
/// outputs than inputs.
std::optional<bool> told_by_shape(const StoredTensor* widening) {
  if (widening == nullptr || widening->shape.size() != 2 ||
      widening->shape[0] == widening->shape[1]) {
    return std::nullopt;
  }
  return widening->shape[1] > widening->shape[0];
}

} // namespace

WeightLayout inputs_first(const StoredTensor& tensor) {
  WeightLayout layout;
  layout.order.resize(tensor.shape.size());
  std::iota(layout.order.begin(), layout.order.end(), 0);
  std::swap(layout.order.at(0), layout.order.at(1));
  return layout;
}

WeightLayout layout_of(
    const StoredTensor& tensor,
    const graph::WeightUse& use) {
  const auto dims = tensor.shape.size();
  if (use.in_dim == 0 && use.out_dim == 1) {
    return inputs_first(tensor);
  }
  if (dims == 3 && use.in_dim == 1 && use.out_dim == 2) {
    return {{0, 2, 1}, 2};
  }
  if (dims == 3 && use.in_dim == 2 && use.out_dim == 1) {
    return {{}, 2};
  }
  return {};
}

bool seems_inputs_first(const StoredTensor& tensor, const Neighbours& beside) {
  if (tensor.shape.size() != 2) {
    return false;
  }
  if (const auto told = told_by_bias(tensor, beside)) {
    return *told;
  }
  const auto block = gpt2_block(tensor.name);
  if (block.empty()) {
    return false;
  }
  for (const char* name :
       {"attn.c_attn.weight",
        "mlp.c_fc.weight",
        "crossattention.c_attn.weight"}) {
    if (const auto told = told_by_shape(beside.find(block + name))) {
      return *told;
    }
  }
  const bool narrows = tensor.name.find("mlp.c_proj") != std::string::npos;
  return !narrows || tensor.shape[0] >= tensor.shape[1];
}

torch::Tensor as_matrix(
    const torch::Tensor& weight,
    const WeightLayout& layout) {
  const auto ordered =
      layout.order.empty() ? weight : weight.permute(layout.order);
  int64_t rows = 1;
  for (int64_t i = 0; i < layout.row_dims; ++i) {
    rows *= ordered.size(i);
  }
  return ordered.reshape({rows, weight.numel() / rows}).contiguous();
}

torch::Tensor in_stored_order(
    const torch::Tensor& matrix,
    const std::vector<int64_t>& shape,
    const WeightLayout& layout) {
  const int64_t rows = shape[0];
  const int64_t columns = matrix.numel() / rows;
  if (layout.order.empty()) {
    return matrix.reshape({rows, columns});
  }
  std::vector<int64_t> ordered;
  std::vector<int64_t> back(layout.order.size());
  for (size_t i = 0; i < layout.order.size(); ++i) {
    ordered.push_back(shape[layout.order[i]]);
    back[layout.order[i]] = static_cast<int64_t>(i);
  }
  return matrix.reshape(ordered)
      .permute(back)
      .reshape({rows, columns})
      .contiguous();
}

} // namespace coppice::oneshot
