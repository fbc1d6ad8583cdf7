#pragma once

#include <torch/script.h>

#include <map>
#include <set>
#include <string>

#include "graph/op_roles.h"

namespace coppice::graph {

/// How the methods of a module use one of its tensors.
struct WeightUse {
  enum class Kind {
    kParameter,
    kBuffer,
    kAttribute, ///< Other: in a list, a dictionary, or a plain attribute.
  };

  Kind kind = Kind::kAttribute;
  bool is_read = false; ///< Whether a method reads it.
  /// Whether it is used where it cannot be followed, such as in a library's op;
  /// there may be more uses.
  bool is_unclear = false;
  /// Whether its product uses a value computed from it (weight norm, masks,
  /// noise).
  bool is_computed_with = false;
  std::set<OpFamily> families;  ///< Of the ops that use it as weight.
  std::set<std::string> layers; ///< Their layers: "linear", "conv2d".
  /// The dimensions that its products sum over, and those of outputs; -1 if
  /// unknown or ambiguous.
  int in_dim = -1;
  int out_dim = -1;

  bool is_multiplied() const {
    return families.count(OpFamily::kProduct) != 0 ||
        families.count(OpFamily::kRecurrent) != 0;
  }
};

struct WeightUses {
  /// By the tensors' names in the archive: "encoder.fc.weight", "experts.0",
  /// "d.w". A tensor with two names occurs twice, with the same uses.
  std::map<std::string, WeightUse> tensors;
  /// Whether there is code: files of a C++ module's torch::save have none.
  bool has_code = false;
};

/// Follows every tensor of a module through the graphs of its methods (calls,
/// branches, loops, lists and dictionaries included) to the ops that use it as
/// weight. Follows views, casts, slices and elementwise arithmetic, and
/// distinguishes values that depend on inputs: a table that is added to the
/// input of a product is not its weight. Runs nothing and changes nothing.
///
/// Errors: c10::ValueError if the code is too large.
WeightUses weight_uses(const torch::jit::Module& module);

} // namespace coppice::graph
