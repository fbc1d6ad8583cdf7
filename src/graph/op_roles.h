#pragma once

#include <ATen/core/interned_strings.h>

#include <vector>

namespace coppice::graph {

/// What an op does with its weight.
enum class OpFamily {
  kProduct,   ///< Multiplies it with a matrix or convolves it.
  kNorm,      ///< Scales what it has normalized.
  kEmbedding, ///< Looks its rows up.
  kRecurrent, ///< Steps through a sequence; the weight is one or a list.
  kScale,     ///< Scales elements, as prelu does.
  kFused,     ///< Computes a layer of several weights, as one of a transformer.
};

/// Which of an op's inputs is which, by their indices, and which dimensions of
/// its weight are outputs and inputs. Negative: there is none.
struct OpRoles {
  const char* op = nullptr;    ///< "aten::linear"
  const char* layer = nullptr; ///< What its layer is called: "linear"
  OpFamily family = OpFamily::kProduct;
  int activation = 0;
  int weight = 1;
  int bias = 2;
  /// Dimensions of the weight. What follows the two in the weight of a
  /// convolution is its kernel.
  int out_dim = 0;
  int in_dim = 1;
  int groups = -1;
  /// How many weights follow one another from `weight` on, as the cells have
  /// one for the input and one for the state; 1 if it is a single one.
  int weights = 1;
};

/// The roles of an op's inputs; null for an op that takes no weight. Of
/// `matmul`, `mm`, `mv` and `bmm`, whose weight may stand on either side, those
/// of a weight on the right, [in, out].
const OpRoles* op_roles(c10::Symbol kind);

/// The roles of a `matmul`, `mm`, `mv` or `bmm` whose weight stands on the
/// left, [out, in]; null for any other op.
const OpRoles* left_op_roles(c10::Symbol kind);

/// A row a weight: that of `op_roles`, and those of ops that run a whole layer,
/// such as the fused encoder layer of a transformer, which `op_roles` does not
/// know. Empty for an op that takes no weight.
std::vector<OpRoles> all_op_roles(c10::Symbol kind);

} // namespace coppice::graph
