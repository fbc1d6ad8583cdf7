#include "coppice/graph/activation_sites.h"

#include <torch/custom_class.h>

#include <algorithm>
#include <utility>

#include "coppice/core/values.h"
#include "core/fqn.h"
#include "graph/clone_with_changes.h"
#include "graph/layer_entries.h"
#include "graph/site_node.h"

namespace coppice {
namespace {

using graph::Instance;
using graph::Layer;
using graph::MethodValues;
using graph::SitePtr;
using torch::jit::Graph;
using torch::jit::Module;
using torch::jit::Node;
using torch::jit::Value;

SitePtr site_of(const Layer& layer) {
  const auto& type = *layer.module.type();
  const auto slot = type.findAttributeSlot(graph::kSiteAttribute);
  if (!slot || !graph::is_site_type(type.getAttribute(*slot))) {
    return {};
  }
  return layer.instance()->getSlot(*slot).toCustomClass<ActivationSite>();
}

std::string quoted(const std::string& fqn) {
  return fqn.empty() ? "the module itself" : "`" + fqn + "`";
}

bool is_exact(const std::string& glob) {
  return glob.find_first_of("*?") == std::string::npos;
}

bool matches(const Layer& layer, const std::string& glob) {
  return std::any_of(
      layer.fqns.begin(), layer.fqns.end(), [&](const std::string& fqn) {
        return is_exact(glob) ? glob == fqn : matches_glob(glob, fqn);
      });
}

[[noreturn]] void no_layer(
    const std::string& glob,
    const std::vector<Layer>& layers) {
  std::vector<std::string> names;
  for (const Layer& layer : layers) {
    names.insert(names.end(), layer.fqns.begin(), layer.fqns.end());
  }
  TORCH_CHECK_VALUE(
      layers.size() > 1,
      "no layer is named `",
      glob,
      "`: the module has no submodules (freezing removes them); its own "
      "input is reached as ``");
  TORCH_CHECK_VALUE(
      false,
      "no layer matches `",
      glob,
      "`; the nearest is ",
      quoted(nearest_name(glob, names)));
  throw; // Not reached.
}

/// The layers that match, each of which can have a site.
std::vector<const Layer*> chosen(
    const std::vector<Layer>& layers,
    const std::string& glob) {
  std::vector<const Layer*> chosen;
  const Layer* without = nullptr;
  for (const Layer& layer : layers) {
    if (matches(layer, glob)) {
      if (layer.has_door()) {
        chosen.push_back(&layer);
      } else {
        without = without == nullptr ? &layer : without;
      }
    }
  }
  if (chosen.empty() && without == nullptr) {
    no_layer(glob, layers);
  }
  TORCH_CHECK_VALUE(
      !chosen.empty(),
      "no activation site is possible for ",
      quoted(without->fqns[0]),
      is_exact(glob) ? "" : ", the first that matches `" + glob + "`",
      ": ",
      without->why_none);
  return chosen;
}

/// Sites for the chosen layers.
std::unordered_map<Instance*, SitePtr> new_sites(
    const std::vector<Layer>& layers,
    const std::vector<std::string>& globs) {
  std::unordered_map<Instance*, SitePtr> sites;
  for (const auto& glob : globs) {
    for (const Layer* layer : chosen(layers, glob)) {
      if (site_of(*layer) == nullptr) {
        sites.emplace(
            layer->instance(),
            c10::make_intrusive<ActivationSite>(layer->fqns[0]));
      }
    }
  }
  return sites;
}

/// Inserts the sites of one module's methods.
class SiteInserter {
 public:
  SiteInserter(
      const std::vector<Layer>& layers,
      std::unordered_map<Instance*, SitePtr> sites)
      : sites_(std::move(sites)) {
    for (const Layer& layer : layers) {
      layers_.emplace(layer.instance(), &layer);
    }
  }

  void rewrite(
      Instance* self,
      const std::string& method,
      Graph& graph,
      const MethodValues& values) const {
    for (Node* node : values.nodes()) {
      if (const auto op = graph::weighted_op(node, values)) {
        const Layer* const layer = with_new_site(op->weight->owner);
        if (layer != nullptr && layer->inlined_weight == op->weight->name) {
          graph::insert_site_before(node, op->activation, op->weight->module);
        }
      }
    }
    if (const Layer* const layer = with_new_site(self)) {
      const auto forward = layer->forwards.find(method);
      if (forward != layer->forwards.end()) {
        graph::insert_site_at_start(graph, forward->second);
      }
    }
  }

 private:
  /// Null if it gets no site.
  const Layer* with_new_site(Instance* layer) const {
    return sites_.count(layer) == 0 ? nullptr : layers_.at(layer);
  }

  std::unordered_map<Instance*, SitePtr> sites_;
  std::unordered_map<Instance*, const Layer*> layers_;
};

/// `Linear(in_features=4, out_features=2)`, or the shapes of parameters if the
/// class has no numbers.
std::string description(const Module& module) {
  const auto& type = *module.type();
  Values parts; // Alphabetical, as a file does not keep the order.
  for (const auto& name : type.constantNames()) {
    const auto value = type.getConstant(name);
    if (value.isInt() || value.isDouble() || value.isBool()) {
      parts.emplace(name, value);
    }
  }
  if (parts.empty()) {
    for (const auto& parameter : module.named_parameters(false)) {
      parts.emplace(parameter.name, parameter.value.sizes().vec());
    }
  }
  std::string text = type.name()->name() + "(";
  const char* separator = "";
  for (const auto& [name, value] : parts) {
    text += separator + name + "=" + to_python_string(value);
    separator = ", ";
  }
  return text + ")";
}

} // namespace

Module with_activation_sites(
    const Module& module,
    const std::vector<std::string>& layer_globs) {
  const auto layers = graph::layers_of(module);
  auto sites = new_sites(layers, layer_globs);
  const SiteInserter inserter(layers, sites);
  for (const Layer& layer : layers) {
    if (const auto site = site_of(layer)) {
      sites.emplace(layer.instance(), site->copy());
    }
  }
  graph::Changes changes;
  changes.sites = std::move(sites);
  changes.rewrite = [&](Instance* self,
                        const std::string& method,
                        Graph& graph,
                        const MethodValues& values) {
    inserter.rewrite(self, method, graph, values);
  };
  return graph::clone_with_changes(module, changes);
}

ActivationLayers activation_layers(const Module& module) {
  ActivationLayers layers;
  for (const Layer& found : graph::layers_of(module)) {
    ActivationLayer layer;
    layer.fqn = found.fqns[0];
    layer.site = site_of(found);
    if (layer.site == nullptr) {
      layer.why_no_site = found.has_door()
          ? "call `with_activation_sites` first, and use the module it returns"
          : found.why_none;
    }
    layer.description = description(found.module);
    layer.identity = found.instance();
    layers.push_back(std::move(layer));
  }
  return layers;
}

Module without_activation_sites(const Module& module) {
  graph::Changes changes;
  changes.rewrite =
      [](Instance*, const std::string&, Graph&, const MethodValues& values) {
        for (Node* node : values.nodes()) {
          if (graph::is_site_node(*node)) {
            graph::replace_by_masks(node, values);
          }
        }
      };
  return graph::clone_with_changes(module, changes);
}

} // namespace coppice
