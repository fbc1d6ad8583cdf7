#include "coppice/sparse/convert.h"

#include <c10/util/Exception.h>
#include <torch/nn/modules/container/moduledict.h>
#include <torch/nn/modules/container/modulelist.h>
#include <torch/nn/modules/container/sequential.h>

#include <algorithm>
#include <memory>

#include "coppice/sparse/sparse_conv2d.h"
#include "coppice/sparse/sparse_linear.h"
#include "core/fqn.h"

namespace coppice {
namespace {

using torch::nn::AnyModule;
using torch::nn::Module;

/// Where a layer that `convert` may replace is registered.
struct Place {
  Module* parent;
  std::string name;
  std::string fqn;
  std::shared_ptr<Module> layer;
  bool only_registered; ///< Whether only the registration owns it.
};

bool is_container(const Module& module) {
  return module.as<torch::nn::SequentialImpl>() != nullptr ||
      module.as<torch::nn::ModuleListImpl>() != nullptr ||
      module.as<torch::nn::ModuleDictImpl>() != nullptr;
}

/// Finds the layers below `parent` whose type the mapping has, without
/// descending into them.
void find_places(
    Module& parent,
    const std::string& parent_fqn,
    const ConvertMapping& mapping,
    std::vector<Place>& places) {
  for (const auto& child : parent.named_children()) {
    const auto fqn = join_fqn(parent_fqn, child.key());
    if (mapping.find(*child.value()) == nullptr) {
      find_places(*child.value(), fqn, mapping, places);
      continue;
    }
    // The owners are the registration and our list of children.
    const bool only_registered = child.value().use_count() == 2;
    places.push_back(
        {&parent, child.key(), fqn, child.value(), only_registered});
  }
}

/// The places that `layers` select; each entry must select at least one.
std::vector<Place> chosen_places(
    const std::vector<Place>& places,
    const std::vector<std::string>& layers) {
  if (layers.empty()) {
    return places;
  }
  std::vector<std::string> fqns;
  std::vector<bool> chosen(places.size());
  for (const auto& place : places) {
    fqns.push_back(place.fqn);
  }
  for (const auto& layer : layers) {
    bool found = false;
    for (size_t i = 0; i < places.size(); ++i) {
      const bool matches = matches_glob(layer, fqns[i]);
      chosen[i] = chosen[i] || matches;
      found |= matches;
    }
    const auto nearest = nearest_name(layer, fqns);
    TORCH_CHECK_VALUE(
        found,
        "convert: the mapping has no layer `",
        layer,
        "`",
        nearest.empty() ? std::string() : "; the nearest is `" + nearest + "`");
  }
  std::vector<Place> result;
  for (size_t i = 0; i < places.size(); ++i) {
    if (chosen[i]) {
      result.push_back(places[i]);
    }
  }
  return result;
}

void check_replaceable(const Place& place) {
  TORCH_CHECK_VALUE(
      place.only_registered || is_container(*place.parent),
      "convert: `",
      place.fqn,
      "` is a typed member of its module (or owned elsewhere too), which "
      "cannot hold a layer of another type; put it into a "
      "torch::nn::Sequential, or "
      "use `trace` and `compile`, which need no change to the model");
}

void replace_in_containers(const Place& place, const AnyModule& replacement) {
  if (auto* sequential = place.parent->as<torch::nn::SequentialImpl>()) {
    for (auto& module : *sequential) {
      if (module.ptr() == place.layer) {
        module = replacement;
      }
    }
  }
  if (auto* list = place.parent->as<torch::nn::ModuleListImpl>()) {
    std::replace(list->begin(), list->end(), place.layer, replacement.ptr());
  }
  if (auto* dict = place.parent->as<torch::nn::ModuleDictImpl>()) {
    for (auto& item : *dict) {
      if (item.value() == place.layer) {
        item.value() = replacement.ptr();
      }
    }
  }
}

} // namespace

const ConvertMapping::Replace* ConvertMapping::find(const Module& layer) const {
  const auto found = replacements_.find(typeid(layer));
  return found == replacements_.end() ? nullptr : &found->second;
}

ConvertMapping sparse_mapping(const PackedWeightOptions& options) {
  ConvertMapping mapping;
  mapping.add<torch::nn::LinearImpl>(
      [=](const std::string&, torch::nn::LinearImpl& layer) {
        return AnyModule(nn::SparseLinear::from_dense(layer, options));
      });
  mapping.add<torch::nn::Conv2dImpl>(
      [=](const std::string&, torch::nn::Conv2dImpl& layer) {
        return nn::SparseConv2d::why_not(layer).empty()
            ? AnyModule(nn::SparseConv2d::from_dense(layer, options))
            : AnyModule();
      });
  return mapping;
}

std::vector<std::string> convert(
    Module& module,
    const ConvertMapping& mapping,
    const std::vector<std::string>& layers) {
  std::vector<Place> places;
  find_places(module, "", mapping, places);
  places = chosen_places(places, layers);
  std::for_each(places.begin(), places.end(), check_replaceable);
  // A layer registered in several places gets one replacement.
  std::map<const Module*, AnyModule> replacements;
  for (const auto& place : places) {
    if (replacements.count(place.layer.get()) == 0) {
      replacements[place.layer.get()] =
          (*mapping.find(*place.layer))(place.fqn, *place.layer);
    }
  }
  std::vector<std::string> converted;
  for (const auto& place : places) {
    const auto& replacement = replacements.at(place.layer.get());
    if (!replacement.is_empty()) {
      replace_in_containers(place, replacement);
      place.parent->replace_module(place.name, replacement.ptr());
      converted.push_back(place.fqn);
    }
  }
  return converted;
}

} // namespace coppice
