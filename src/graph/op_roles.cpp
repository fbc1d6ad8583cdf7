#include "graph/op_roles.h"

#include <unordered_map>

namespace coppice::graph {
namespace {

constexpr OpRoles product(
    const char* op,
    const char* layer,
    int activation,
    int weight,
    int bias,
    int out_dim,
    int in_dim,
    int groups = -1) {
  return {
      op,
      layer,
      OpFamily::kProduct,
      activation,
      weight,
      bias,
      out_dim,
      in_dim,
      groups,
      1};
}

/// A weight [out, in, ...].
constexpr OpRoles convolution(const char* op, const char* layer, int groups) {
  return product(op, layer, 0, 1, 2, 0, 1, groups);
}

/// A weight [in, out, ...].
constexpr OpRoles transposed(const char* op, const char* layer) {
  return product(op, layer, 0, 1, 2, 1, 0, 6);
}

constexpr OpRoles norm(const char* op, const char* layer, int weight) {
  return {op, layer, OpFamily::kNorm, 0, weight, weight + 1, 0, -1, -1, 1};
}

constexpr OpRoles table(const char* op, const char* layer) {
  return {op, layer, OpFamily::kEmbedding, 1, 0, -1, 1, 0, -1, 1};
}

constexpr OpRoles recurrent(const char* op, const char* layer) {
  return {op, layer, OpFamily::kRecurrent, 0, 2, -1, 0, 1, -1, 1};
}

constexpr OpRoles cell(const char* op, const char* layer) {
  return {op, layer, OpFamily::kRecurrent, 0, 2, 4, 0, 1, -1, 2};
}

/// A weight [out, in], one of several with their biases.
constexpr OpRoles
fused(const char* op, const char* layer, int activation, int weight) {
  return {op, layer, OpFamily::kFused, activation, weight, -1, 0, 1, -1, 1};
}

constexpr OpRoles kRoles[] = {
    product("aten::linear", "linear", 0, 1, 2, 0, 1),
    product("aten::addmm", "linear", 1, 2, 0, 1, 0),
    product("aten::_addmm_activation", "linear", 1, 2, 0, 1, 0),
    product("aten::addmv", "linear", 2, 1, 0, 0, 1),
    product("aten::baddbmm", "linear", 1, 2, 0, 2, 1),
    product("aten::matmul", "linear", 0, 1, -1, 1, 0),
    product("aten::mm", "linear", 0, 1, -1, 1, 0),
    product("aten::mv", "linear", 0, 1, -1, -1, 0),
    product("aten::bmm", "linear", 0, 1, -1, 2, 1),
    product("aten::bilinear", "bilinear", 0, 2, 3, 0, 1),
    product("aten::inner", "linear", 0, 1, -1, 0, 1),
    product("aten::dot", "linear", 0, 1, -1, -1, 0),
    // Its arguments choose the dimensions that it sums over.
    product("aten::tensordot", "linear", 0, 1, -1, -1, -1),
    product("aten::conv_tbc", "conv_tbc", 0, 1, 2, 2, 1),
    product("torchvision::deform_conv2d", "deform_conv2d", 0, 1, 4, 0, 1),
    convolution("aten::conv1d", "conv1d", 6),
    convolution("aten::conv2d", "conv2d", 6),
    convolution("aten::conv3d", "conv3d", 6),
    transposed("aten::conv_transpose1d", "conv_transpose1d"),
    transposed("aten::conv_transpose2d", "conv_transpose2d"),
    transposed("aten::conv_transpose3d", "conv_transpose3d"),
    // Transposed if the seventh input is true.
    convolution("aten::convolution", "convolution", 8),
    convolution("aten::_convolution", "convolution", 8),
    convolution("aten::_convolution_mode", "convolution", 6),
    product("aten::thnn_conv2d", "conv2d", 0, 1, 3, 0, 1),
    convolution("aten::mkldnn_convolution", "conv2d", 6),
    norm("aten::batch_norm", "batch_norm", 1),
    norm("aten::native_batch_norm", "batch_norm", 1),
    norm("aten::_native_batch_norm_legit", "batch_norm", 1),
    norm("aten::_native_batch_norm_legit_no_training", "batch_norm", 1),
    norm("aten::_native_batch_norm_legit_functional", "batch_norm", 1),
    norm("aten::instance_norm", "instance_norm", 1),
    norm("aten::layer_norm", "layer_norm", 2),
    norm("aten::native_layer_norm", "layer_norm", 2),
    norm("aten::group_norm", "group_norm", 2),
    norm("aten::native_group_norm", "group_norm", 1),
    {"aten::rms_norm", "rms_norm", OpFamily::kNorm, 0, 2, -1, 0, -1, -1, 1},
    {"aten::_fused_rms_norm",
     "rms_norm",
     OpFamily::kNorm,
     0,
     2,
     -1,
     0,
     -1,
     -1,
     1},
    table("aten::embedding", "embedding"),
    table("aten::embedding_bag", "embedding_bag"),
    table("aten::_embedding_bag", "embedding_bag"),
    table("aten::_embedding_bag_forward_only", "embedding_bag"),
    {"aten::prelu", "prelu", OpFamily::kScale, 0, 1, -1, 0, -1, -1, 1},
    recurrent("aten::lstm", "lstm"),
    recurrent("aten::gru", "gru"),
    recurrent("aten::rnn_tanh", "rnn"),
    recurrent("aten::rnn_relu", "rnn"),
    cell("aten::lstm_cell", "lstm_cell"),
    cell("aten::gru_cell", "gru_cell"),
    cell("aten::rnn_tanh_cell", "rnn_cell"),
    cell("aten::rnn_relu_cell", "rnn_cell"),
    // Fused layers: projections, then norms and the two linear layers; each
    // weight is followed by its bias.
    fused("aten::_transformer_encoder_layer_fwd", "transformer_encoder", 0, 3),
    fused("aten::_native_multi_head_attention", "multi_head_attention", 0, 5),
};

/// Products with the weight as left operand.
constexpr OpRoles kLeftRoles[] = {
    product("aten::matmul", "linear", 1, 0, -1, 0, 1),
    product("aten::mm", "linear", 1, 0, -1, 0, 1),
    product("aten::mv", "linear", 1, 0, -1, 0, 1),
    product("aten::bmm", "linear", 1, 0, -1, 1, 2),
};

/// Ops that run a whole layer, with one row per weight.
constexpr OpRoles kLayerRoles[] = {
    product("aten::_transformer_encoder_layer_fwd", "linear", 0, 3, 4, 0, 1),
    product("aten::_transformer_encoder_layer_fwd", "linear", 0, 5, 6, 0, 1),
    norm("aten::_transformer_encoder_layer_fwd", "layer_norm", 10),
    norm("aten::_transformer_encoder_layer_fwd", "layer_norm", 12),
    product("aten::_transformer_encoder_layer_fwd", "linear", 0, 14, 15, 0, 1),
    product("aten::_transformer_encoder_layer_fwd", "linear", 0, 16, 17, 0, 1),
    product("aten::_native_multi_head_attention", "linear", 0, 5, 6, 0, 1),
    product("aten::_native_multi_head_attention", "linear", 0, 7, 8, 0, 1),
};

using Index = std::unordered_map<c10::Symbol, const OpRoles*>;

template <size_t N>
Index index_of(const OpRoles (&rows)[N]) {
  Index index;
  for (const auto& row : rows) {
    index.emplace(c10::Symbol::fromQualString(row.op), &row);
  }
  return index;
}

const OpRoles* find(const Index& index, c10::Symbol kind) {
  const auto found = index.find(kind);
  return found == index.end() ? nullptr : found->second;
}

} // namespace

const OpRoles* op_roles(c10::Symbol kind) {
  static const Index index = index_of(kRoles);
  return find(index, kind);
}

const OpRoles* left_op_roles(c10::Symbol kind) {
  static const Index index = index_of(kLeftRoles);
  return find(index, kind);
}

std::vector<OpRoles> all_op_roles(c10::Symbol kind) {
  std::vector<OpRoles> rows;
  if (const auto* row = op_roles(kind)) {
    rows.push_back(*row);
  }
  for (const auto& row : kLayerRoles) {
    if (kind == c10::Symbol::fromQualString(row.op)) {
      rows.push_back(row);
    }
  }
  return rows;
}

} // namespace coppice::graph
