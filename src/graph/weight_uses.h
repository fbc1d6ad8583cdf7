#pragma once

#include <torch/script.h>

#include <map>
#include <set>
#include <string>

#include "graph/op_roles.h"

namespace coppice::graph {

/// What the methods of a module do with one of its tensors.
struct WeightUse {
  enum class Kind {
    kParameter,
    kBuffer,
    kAttribute, ///< Neither: in a list, a dictionary, or a plain attribute.
  };

  Kind kind = Kind::kAttribute;
  bool is_read = false; ///< Whether a method reads it at all.
  /// Whether it goes where it cannot be followed, such as into an op of a
  /// library: what is seen of it is then not all.
  bool is_unclear = false;
  /// Whether what enters its product is computed from it (weight norm, masks,
  /// noise).
  bool is_computed_with = false;
  std::set<OpFamily> families;  ///< Of the ops that take it as their weight.
  std::set<std::string> layers; ///< What these are called: "linear", "conv2d".
  /// Which of its dimensions its products sum over, and which are outputs;
  /// -1 if that cannot be told or differs.
  int in_dim = -1;
  int out_dim = -1;

  bool is_multiplied() const {
    return families.count(OpFamily::kProduct) != 0 ||
        families.count(OpFamily::kRecurrent) != 0;
  }
};

struct WeightUses {
  /// By the names that the tensors have in the archive: "encoder.fc.weight",
  /// "experts.0", "d.w". A tensor of two names is there twice, with the same
  /// uses.
  std::map<std::string, WeightUse> tensors;
  /// Whether there is code at all: what LibTorch's torch::save writes of a C++
  /// module has none.
  bool has_code = false;
};

/// Follows every tensor of a module through the graphs of its methods, calls,
/// branches, loops, lists and dictionaries included, to the ops that take it as
/// their weight. Views, casts, parts and elementwise arithmetic are followed;
/// what comes of the inputs is told from what comes of weights alone, so that a
/// table that is added to the input of a product is no weight of it. Runs
/// nothing and changes nothing.
///
/// Errors: c10::ValueError if the code is too large to be followed.
WeightUses weight_uses(const torch::jit::Module& module);

} // namespace coppice::graph
