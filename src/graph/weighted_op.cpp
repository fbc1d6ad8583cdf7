#include <algorithm>
#include <unordered_map>

#include "graph/layer_doors.h"

namespace coppice::graph {
namespace {

/// Ops that take a layer's weight, by the index of the activation.
const std::unordered_map<std::string, size_t>& activation_inputs() {
  static const std::unordered_map<std::string, size_t> inputs = {
      {"aten::linear", 0},
      {"aten::addmm", 1},
      {"aten::_addmm_activation", 1},
      {"aten::bilinear", 0},
      {"aten::conv1d", 0},
      {"aten::conv2d", 0},
      {"aten::conv3d", 0},
      {"aten::conv_transpose1d", 0},
      {"aten::conv_transpose2d", 0},
      {"aten::conv_transpose3d", 0},
      {"aten::convolution", 0},
      {"aten::_convolution", 0},
      {"aten::_convolution_mode", 0},
      {"aten::thnn_conv2d", 0},
      {"aten::mkldnn_convolution", 0},
      {"aten::batch_norm", 0},
      {"aten::native_batch_norm", 0},
      {"aten::instance_norm", 0},
      {"aten::layer_norm", 0},
      {"aten::native_layer_norm", 0},
      {"aten::group_norm", 0},
      {"aten::native_group_norm", 0},
      {"aten::prelu", 0},
      {"aten::lstm", 0},
      {"aten::gru", 0},
      {"aten::rnn_tanh", 0},
      {"aten::rnn_relu", 0},
      {"aten::lstm_cell", 0},
      {"aten::gru_cell", 0},
      {"aten::rnn_tanh_cell", 0},
      {"aten::rnn_relu_cell", 0}};
  return inputs;
}

bool multiplies_either_way(const std::string& kind) {
  return kind == "aten::matmul" || kind == "aten::mm" || kind == "aten::mv";
}

} // namespace

std::optional<WeightedOp> weighted_op(
    torch::jit::Node* node,
    const MethodValues& values) {
  const std::string kind = node->kind().toQualString();
  const auto attribute = [&](size_t i) {
    return values.attribute_of(node->inputs()[i]);
  };
  WeightedOp op;
  if (multiplies_either_way(kind)) {
    op.activation = attribute(1) == nullptr ? 1 : 0;
  } else {
    const auto found = activation_inputs().find(kind);
    if (found == activation_inputs().end()) {
      return std::nullopt;
    }
    op.activation = found->second;
  }
  if (attribute(op.activation) != nullptr) {
    return std::nullopt; // A product of two weights.
  }
  for (size_t i = 0; op.weight == nullptr && i < node->inputs().size(); ++i) {
    op.weight = attribute(i);
  }
  if (op.weight == nullptr) {
    return std::nullopt;
  }
  return op;
}

} // namespace coppice::graph
