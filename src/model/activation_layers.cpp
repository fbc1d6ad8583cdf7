#include "model/activation_layers.h"

#include <algorithm>
#include <sstream>

#include "core/fqn.h"

namespace coppice {
namespace {

/// The module's own line of its description, without submodules.
std::string description_of(const torch::nn::Module& module) {
  std::ostringstream text;
  module.pretty_print(text);
  auto line = text.str();
  std::replace(line.begin(), line.end(), '\n', ' ');
  return line;
}

ActivationLayer layer_of(
    const std::string& fqn,
    const torch::nn::Module& module) {
  ActivationLayer layer;
  layer.fqn = fqn;
  layer.description = description_of(module);
  layer.identity = &module;
  const auto* hooked = dynamic_cast<const HasActivationSite*>(&module);
  if (hooked == nullptr) {
    layer.why_no_site =
        "it is not a hooked layer: declare it as coppice::nn::Hooked<...> or "
        "trace the model";
    return layer;
  }
  layer.site = hooked->activation_site();
  if (layer.site == nullptr) {
    layer.why_no_site = "its first input is not a tensor";
  }
  return layer;
}

void add_layers(
    const std::string& fqn,
    const torch::nn::Module& module,
    ActivationLayers& layers) {
  layers.push_back(layer_of(fqn, module));
  for (const auto& child : module.named_children()) {
    if (child.value() != nullptr) {
      add_layers(join_fqn(fqn, child.key()), *child.value(), layers);
    }
  }
}

} // namespace

ActivationLayers activation_layers(const torch::nn::Module& module) {
  ActivationLayers layers;
  add_layers("", module, layers);
  // Backwards, so that a layer with several names keeps the first.
  for (auto layer = layers.rbegin(); layer != layers.rend(); ++layer) {
    if (layer->site != nullptr) {
      layer->site->set_layer_fqn(layer->fqn);
    }
  }
  return layers;
}

} // namespace coppice
