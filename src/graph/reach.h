#pragma once

#include <torch/script.h>

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "graph/method_values.h"

namespace coppice::graph {

/// An attribute, submodule, method or hook of an instance.
using Member = std::pair<Instance*, std::string>;

/// A module in a tree.
struct PlacedInstance {
  Instance* instance = nullptr;
  std::vector<std::string> path; ///< Attribute names; empty for the root.
};

/// All modules of a tree, each once, the root first.
std::vector<PlacedInstance> instances_in(const torch::jit::Module& root);

/// The names of a module's hooks.
std::vector<std::string> hooks_of(const Instance& instance);

/// What functions of a model can reach when they run: the functions that they
/// call, and the attributes and submodules that they read or write.
class Reach {
 public:
  explicit Reach(const torch::jit::Module& root);

  /// Adds a method or hook and everything that it reaches.
  void add(Instance* instance, const std::string& function);

  /// Adds everything that a graph of the instance reaches.
  void add(Instance* instance, torch::jit::Graph& graph);

  /// Does not follow later calls of this function.
  void stop_at(Instance* instance, const std::string& function) {
    stops_.insert({instance, function});
  }

  const std::set<Member>& functions() const {
    return functions_;
  }
  const std::set<Member>& attributes() const {
    return attributes_;
  }

 private:
  void follow(torch::jit::Node* node, const MethodValues& values);
  void add_whole(torch::jit::Value* module, const MethodValues& values);
  std::vector<Instance*> instances_of(
      torch::jit::Value* module,
      const MethodValues& values) const;

  std::vector<Instance*> instances_;
  std::set<Member> stops_;
  std::set<Member> functions_;
  std::set<Member> attributes_;
};

} // namespace coppice::graph
