#pragma once

#include <torch/script.h>

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>

#include "coppice/core/activation_site.h"
#include "graph/method_values.h"

namespace coppice::graph {

inline constexpr const char* kSiteAttribute = "activation_site";

using SitePtr = c10::intrusive_ptr<ActivationSite>;

/// Differences between a copy and its original.
struct Changes {
  /// The copies' sites, by original instance; existing sites of other instances
  /// are removed.
  std::unordered_map<Instance*, SitePtr> sites;
  /// Rewrites the copy of a method's graph. `values` refer to the originals, so
  /// new nodes are not among them.
  std::function<void(
      Instance* original,
      const std::string& method,
      torch::jit::Graph& graph,
      const MethodValues& values)>
      rewrite;
  /// Whether to keep an attribute or submodule; empty: keeps all.
  std::function<bool(Instance* original, const std::string& name)>
      keeps_attribute;
  /// Whether to keep a method or hook; empty: keeps all.
  std::function<bool(Instance* original, const std::string& name)>
      keeps_function;
  /// A graph that replaces the root's `forward`; it reads attributes by their
  /// names in the model.
  std::shared_ptr<torch::jit::Graph> forward;
  /// Copies only the root and shares submodules with the original. Methods may
  /// then choose between submodules at run time. All other changes concern only
  /// the root.
  bool shares_submodules = false;
};

/// A copy of `module` that shares its parameters and buffers. Every submodule
/// gets a class of its own, so that graphs, which belong to classes, can differ
/// between submodules of one class. A submodule that is registered twice stays
/// one.
///
/// Errors: c10::ValueError if a method has no graph, or a submodule is chosen
///   at run time and submodules are not shared.
torch::jit::Module clone_with_changes(
    const torch::jit::Module& module,
    const Changes& changes);

} // namespace coppice::graph
