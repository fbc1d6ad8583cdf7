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

/// What a copy has otherwise than its original.
struct Changes {
  /// The sites of the copies, by the original; where there is none, the site
  /// that the original has is left out.
  std::unordered_map<Instance*, SitePtr> sites;
  /// Changes the copy of a method's graph. `values` are in terms of the
  /// originals, so that new nodes are not among them.
  std::function<void(
      Instance* original,
      const std::string& method,
      torch::jit::Graph& graph,
      const MethodValues& values)>
      rewrite;
  /// Whether an attribute, or a submodule, of that name stays; empty: all do.
  std::function<bool(Instance* original, const std::string& name)>
      keeps_attribute;
  /// The same of methods and hooks.
  std::function<bool(Instance* original, const std::string& name)>
      keeps_function;
  /// A graph in place of that of the model's own `forward`: it reads attributes
  /// under the names that they have in the model.
  std::shared_ptr<torch::jit::Graph> forward;
  /// Whether submodules are taken as they are, shared with the original, and
  /// only the model itself is copied. A method may then choose between
  /// submodules while it runs. What is above concerns the model alone.
  bool shares_submodules = false;
};

/// A copy of `module` that shares parameters and buffers with it and in which
/// every submodule has a class of its own, so that graphs, which belong to
/// classes, can differ between submodules that shared one. A submodule that is
/// registered twice stays one.
///
/// Errors: c10::ValueError if a method has no graph, or a module is chosen
///   while it runs and submodules are not shared.
torch::jit::Module clone_apart(
    const torch::jit::Module& module,
    const Changes& changes);

} // namespace coppice::graph
