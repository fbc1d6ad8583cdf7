#pragma once

#include <torch/csrc/jit/ir/ir.h>
#include <torch/script.h>

#include <unordered_map>
#include <vector>

#include "graph/followed_value.h"
#include "graph/method_values.h"
#include "graph/op_roles.h"
#include "graph/weight_uses.h"

namespace coppice::graph {

/// Abstract interpretation of methods, calls included: follows what is known of
/// each value, and records every op that uses a tensor of the module as its
/// weight.
class WeightFollower {
 public:
  /// Follows a method or hook of `self`.
  ///
  /// Errors: c10::ValueError if the code is too large.
  void follow(const c10::IValue& self, const torch::jit::Function& method);

  /// Follows a graph with inputs `arguments`. Returns its outputs.
  ///
  /// Errors: c10::ValueError if the graph is too large.
  std::vector<FollowedValue> follow_graph(
      const torch::jit::Graph& graph,
      std::vector<FollowedValue> arguments);

  /// Records that the tensors in a value's origins are read.
  void note_read(const FollowedValue& value);

  /// The recorded uses of a tensor; tensors that begin at the same element are
  /// the same.
  const WeightUse& use_of(const at::Tensor& tensor) const;

  /// Whether there were calls that could not be followed.
  bool has_unknown_calls() const {
    return has_unknown_calls_;
  }

 private:
  using Frame = std::unordered_map<const torch::jit::Value*, FollowedValue>;
  using Values = std::vector<FollowedValue>;

  void follow_block(const torch::jit::Block& block, Frame& frame);
  void follow_node(const torch::jit::Node& node, Frame& frame);
  void follow_attribute(const torch::jit::Node& node, Frame& frame);
  void follow_call(const torch::jit::Node& node, Frame& frame);
  void follow_branches(const torch::jit::Node& node, Frame& frame);
  void follow_loop(const torch::jit::Node& node, Frame& frame);
  bool follow_container(const torch::jit::Node& node, Frame& frame);
  void follow_op(const torch::jit::Node& node, Frame& frame);
  void follow_lookup(const torch::jit::Node& node, Frame& frame);
  void follow_unknown(const torch::jit::Node& node, Frame& frame);

  void note_weights(const torch::jit::Node& node, Frame& frame);
  void note_einsum(const torch::jit::Node& node, Frame& frame);
  void note_recurrent(
      const torch::jit::Node& node,
      const OpRoles& roles,
      Frame& frame);
  void note_product(const torch::jit::Node& node, OpRoles roles, Frame& frame);

  /// The dimensions of an op's weight, and whether they count from the end.
  struct Dims {
    int in = -1;
    int out = -1;
    bool from_end = false;
  };
  void note(const FollowedValue& weight, const OpRoles& roles, Dims dims);
  void note_unclear(const FollowedValue& value);

  FollowedValue value_of(const torch::jit::Value* value, const Frame& frame)
      const;
  FollowedValue input(const torch::jit::Node& node, size_t i, Frame& frame)
      const;

  std::unordered_map<const void*, WeightUse> uses_;
  std::unordered_map<const void*, bool> has_dims_;
  int64_t steps_ = 0;
  int depth_ = 0;
  bool has_unknown_calls_ = false;
};

} // namespace coppice::graph
