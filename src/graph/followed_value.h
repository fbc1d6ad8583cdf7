#pragma once

#include <torch/csrc/jit/ir/ir.h>
#include <torch/script.h>

#include <memory>
#include <optional>
#include <vector>

namespace coppice::graph {

/// A tensor of the module that a value is computed from.
struct Origin {
  at::Tensor tensor;
  /// For each dimension of the value, the tensor's dimension, or -1 if there is
  /// none. Empty if unknown.
  std::vector<int> axes;
  bool is_computed = false; ///< By arithmetic, not only by views.
};

/// Static knowledge of a value in a graph.
struct FollowedValue {
  /// Its value if it is certain: a module, a list of parameters, a constant.
  std::optional<c10::IValue> known;
  /// The items of a list or tuple made in the graph.
  std::shared_ptr<std::vector<FollowedValue>> items;
  std::vector<Origin> origins;
  /// Whether it depends on the method's inputs: an activation.
  bool is_input = false;

  static FollowedValue of(c10::IValue value);
  static FollowedValue input();

  /// Merges another possible value.
  void join(const FollowedValue& other);
  /// Adds only origins.
  void add_origins(const std::vector<Origin>& more);

  /// Its value as an integer, if known.
  std::optional<int64_t> integer() const;
  /// The item of a list, tuple or dictionary at `key`; all items merged if the
  /// key is unknown.
  FollowedValue item(const FollowedValue& key) const;
  FollowedValue item(size_t index) const;
};

/// The result of a view of `value` with `arguments`: the same origins, with
/// permuted axes where known.
FollowedValue view_of(
    const torch::jit::Node& node,
    const FollowedValue& value,
    const std::vector<const FollowedValue*>& arguments);

} // namespace coppice::graph
