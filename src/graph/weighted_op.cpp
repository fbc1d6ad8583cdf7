#include <unordered_map>

#include "graph/layer_doors.h"

namespace coppice::graph {
namespace {

/// Indices of an op's inputs.
struct Inputs {
  size_t activation;
  size_t weight;
};

/// Ops that take a layer's weight.
const std::unordered_map<std::string, Inputs>& known_inputs() {
  static const std::unordered_map<std::string, Inputs> inputs = {
      {"aten::linear", {0, 1}},
      {"aten::addmm", {1, 2}},
      {"aten::_addmm_activation", {1, 2}},
      {"aten::bilinear", {0, 2}},
      {"aten::conv1d", {0, 1}},
      {"aten::conv2d", {0, 1}},
      {"aten::conv3d", {0, 1}},
      {"aten::conv_transpose1d", {0, 1}},
      {"aten::conv_transpose2d", {0, 1}},
      {"aten::conv_transpose3d", {0, 1}},
      {"aten::convolution", {0, 1}},
      {"aten::_convolution", {0, 1}},
      {"aten::_convolution_mode", {0, 1}},
      {"aten::thnn_conv2d", {0, 1}},
      {"aten::mkldnn_convolution", {0, 1}},
      {"aten::batch_norm", {0, 1}},
      {"aten::native_batch_norm", {0, 1}},
      {"aten::instance_norm", {0, 1}},
      {"aten::layer_norm", {0, 2}},
      {"aten::native_layer_norm", {0, 2}},
      {"aten::group_norm", {0, 2}},
      {"aten::native_group_norm", {0, 1}},
      {"aten::prelu", {0, 1}},
      {"aten::lstm", {0, 2}},
      {"aten::gru", {0, 2}},
      {"aten::rnn_tanh", {0, 2}},
      {"aten::rnn_relu", {0, 2}},
      {"aten::lstm_cell", {0, 2}},
      {"aten::gru_cell", {0, 2}},
      {"aten::rnn_tanh_cell", {0, 2}},
      {"aten::rnn_relu_cell", {0, 2}}};
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
  Inputs inputs = {0, 1};
  if (multiplies_either_way(kind)) {
    inputs = attribute(1) == nullptr ? Inputs{1, 0} : Inputs{0, 1};
  } else {
    const auto found = known_inputs().find(kind);
    if (found == known_inputs().end()) {
      return std::nullopt;
    }
    inputs = found->second;
  }
  if (attribute(inputs.activation) != nullptr) {
    return std::nullopt; // A product of two weights.
  }
  WeightedOp op;
  op.activation = inputs.activation;
  op.weight = attribute(inputs.weight);
  // A batch norm without weight has a running mean.
  for (size_t i = 0; op.weight == nullptr && i < node->inputs().size(); ++i) {
    op.weight = attribute(i);
  }
  return op.weight == nullptr ? std::nullopt : std::make_optional(op);
}

} // namespace coppice::graph
