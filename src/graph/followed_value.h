#pragma once

#include <torch/csrc/jit/ir/ir.h>
#include <torch/script.h>

#include <memory>
#include <optional>
#include <vector>

namespace coppice::graph {

/// A tensor of a module that a value is made of.
struct Origin {
  at::Tensor tensor;
  /// Which dimension of the tensor each of the value's is; -1 for one that the
  /// tensor does not have. Empty if that cannot be told.
  std::vector<int> axes;
  bool is_computed = false; ///< By arithmetic, not by views alone.
};

/// What is known of a value of a graph without running it.
struct FollowedValue {
  /// What it is, where that is certain: a module, a list of parameters, a
  /// constant.
  std::optional<c10::IValue> known;
  /// Of a list or tuple made in the graph, of whose items each is known.
  std::shared_ptr<std::vector<FollowedValue>> items;
  std::vector<Origin> origins;
  /// Whether it depends on an input of the method: an activation.
  bool is_input = false;

  static FollowedValue of(c10::IValue value);
  static FollowedValue input();

  /// Takes in what another value may be as well.
  void join(const FollowedValue& other);
  /// Takes in origins alone.
  void add_origins(const std::vector<Origin>& more);

  /// The integer that it is, if it is one.
  std::optional<int64_t> integer() const;
  /// The item of a list, tuple or dictionary under `key`; all of them in one if
  /// it is not known which.
  FollowedValue item(const FollowedValue& key) const;
  FollowedValue item(size_t index) const;
};

/// The result of a view of `value`, whose other inputs are `arguments`: the
/// same origins, with their axes in new places where that can be told.
FollowedValue view_of(
    const torch::jit::Node& node,
    const FollowedValue& value,
    const std::vector<const FollowedValue*>& arguments);

} // namespace coppice::graph
