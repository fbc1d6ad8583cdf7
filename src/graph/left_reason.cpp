#include "graph/left_reason.h"

#include "graph/constant_values.h"

namespace coppice::graph {
namespace {

using torch::jit::Node;

std::string dims_text(const torch::Tensor& weight) {
  return std::to_string(weight.dim() - 2) + "d";
}

bool is_transposed(const Node* node, const OpRoles& roles) {
  const std::string layer = roles.layer;
  return layer.rfind("conv_transpose", 0) == 0 ||
      (layer == "convolution" && node->inputs().size() > 7 &&
       constant_of<bool>(node->input(6)).value_or(false));
}

std::string why_product(
    const Node* node,
    const OpRoles& roles,
    const TakenWeight& weight,
    bool is_forked) {
  const std::string layer = roles.layer;
  if (layer == "bilinear") {
    return "multiplies two inputs";
  }
  if (is_transposed(node, roles)) {
    return "transposed convolution";
  }
  const bool is_convolution = layer.rfind("conv", 0) == 0;
  if (is_convolution && weight.tensor.dim() == 5) {
    return "three dimensions";
  }
  if (weight.is_state) {
    return "its weight may change";
  }
  if (is_forked) {
    return "runs in a fork";
  }
  if (!is_convolution && weight.tensor.dim() != 2) {
    return "its weight is not a matrix";
  }
  if (left_op_roles(node->kind()) == &roles) {
    return "its weight is the left operand";
  }
  return "its weight, bias or steps are not constant";
}

} // namespace

std::string layer_kind(
    const Node* node,
    const OpRoles& roles,
    const torch::Tensor& weight) {
  if (std::string(roles.layer) != "convolution") {
    return roles.layer;
  }
  return (is_transposed(node, roles) ? "conv_transpose" : "conv") +
      dims_text(weight);
}

std::string left_reason(
    const Node* node,
    const OpRoles& roles,
    const TakenWeight& weight,
    bool is_forked) {
  switch (roles.family) {
    case OpFamily::kProduct:
      return why_product(node, roles, weight, is_forked);
    case OpFamily::kNorm:
      return "scales normalized values";
    case OpFamily::kEmbedding:
      return "looks up rows";
    case OpFamily::kRecurrent:
      return "recurrent";
    case OpFamily::kScale:
      return "scales elements";
    case OpFamily::kFused:
      return "LibTorch's fast path of the whole layer";
  }
  return "";
}

} // namespace coppice::graph
