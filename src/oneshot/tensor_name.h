#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "coppice/io/state_dict.h"

namespace coppice::oneshot {

/// Words in lower case: "self_attnLayer1" has self, attn, layer.
using Words = std::vector<std::string>;

Words words_of(std::string_view part);

/// The parts of a tensor's FQN.
struct TensorName {
  explicit TensorName(const std::string& fqn);

  /// The parts between dots in lower case; "parametrizations.weight.original1"
  /// is "weight".
  std::vector<std::string> parts;
  std::vector<Words> words; ///< Of each part.
  size_t leaf = 0;          ///< Index of the last part that is not a number.
  bool is_gain = false;     ///< "parametrizations.weight.original0"

  const std::string& leaf_part() const {
    return parts[leaf];
  }
  const Words& leaf_words() const {
    return words[leaf];
  }
  /// The part before the leaf, numbers skipped; empty if there is none.
  Words module_words() const;
  /// The part right before the leaf.
  std::string module_part() const {
    return leaf == 0 ? "" : parts[leaf - 1];
  }
};

/// The tensors of a checkpoint by name, to look up related ones.
class Neighbours {
 public:
  explicit Neighbours(const StateDict& state);

  const StoredTensor* find(const std::string& name) const;
  /// Whether a tensor's name begins with `prefix`.
  bool has_prefix(const std::string& prefix) const;
  /// The tensors of a module itself, not of its submodules.
  std::vector<const StoredTensor*> in_module(const std::string& fqn) const;
  /// The bias of a tensor's module; null if it has none.
  const StoredTensor* bias_of(const StoredTensor& tensor) const;
  /// Whether any tensor may be a quantized weight.
  bool has_few_bits() const {
    return has_few_bits_;
  }

 private:
  std::map<std::string, const StoredTensor*> by_name_;
  bool has_few_bits_ = false;
};

/// Whether quantized weights are stored in this dtype, packed or not.
bool is_few_bits(Dtype dtype);

} // namespace coppice::oneshot
