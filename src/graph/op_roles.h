#pragma once

#include <ATen/core/interned_strings.h>

#include <vector>

namespace coppice::graph {

/// What an op does with its weight.
enum class OpFamily {
  kProduct,   ///< Multiplies by it or convolves with it.
  kNorm,      ///< Scales normalized values.
  kEmbedding, ///< Looks up its rows.
  kRecurrent, ///< Processes a sequence; the weight is one tensor or a list.
  kScale,     ///< Scales elements, like prelu.
  kFused, ///< Computes a layer with several weights, like one of a transformer.
};

/// The roles of an op's inputs, by index, and of its weight's dimensions.
/// Negative: there is none.
struct OpRoles {
  const char* op = nullptr;    ///< "aten::linear"
  const char* layer = nullptr; ///< The name of its layer: "linear"
  OpFamily family = OpFamily::kProduct;
  int activation = 0;
  int weight = 1;
  int bias = 2;
  /// Dimensions of the weight. In a convolution's weight, the kernel's follow.
  int out_dim = 0;
  int in_dim = 1;
  int groups = -1;
  /// Number of consecutive weights, from `weight` on: cells have one for the
  /// input and one for the state.
  int weights = 1;
};

/// The roles of an op's inputs; null for an op without a weight. For `matmul`,
/// `mm`, `mv` and `bmm`, those of a right operand as weight, [in, out].
const OpRoles* op_roles(c10::Symbol kind);

/// The roles of `matmul`, `mm`, `mv` or `bmm` with the left operand as weight,
/// [out, in]; null for other ops.
const OpRoles* left_op_roles(c10::Symbol kind);

/// One row per weight: that of `op_roles`, or those of ops that run a whole
/// layer, such as the fused encoder layer of a transformer, which `op_roles`
/// does not have. Empty for an op without weights.
std::vector<OpRoles> all_op_roles(c10::Symbol kind);

} // namespace coppice::graph
