#include "coppice/oneshot/mask_activations.h"

#include <torch/script.h>

#include <algorithm>
#include <map>
#include <memory>
#include <numeric>

#include "calibration/samples.h"
#include "coppice/graph/activation_sites.h"
#include "coppice/sparsify/activation_sparsifier.h"
#include "graph/model_inputs.h"
#include "oneshot/activation_statistics.h"

namespace coppice {
namespace {

using oneshot::ActivationStatistics;

/// A chosen layer and its site.
struct Watched {
  ActivationLayer layer;
  ActivationSite::Id observer = 0;
  std::shared_ptr<ActivationStatistics> statistics;
  std::string left_because;

  bool is_named(const std::vector<std::string>& layers) const {
    return std::find(layers.begin(), layers.end(), layer.fqn) != layers.end();
  }
};

ActivationOptions sparsifier_options(const MaskActivationsOptions& options) {
  TORCH_CHECK_VALUE(
      options.sparsity_level >= 0 && options.sparsity_level <= 1,
      "mask_activations: expected a sparsity level in [0, 1], got ",
      options.sparsity_level);
  ActivationOptions result;
  result.aggregate_fn(aggregate_function(options.aggregate))
      .reduce_fn(reduce_function(options.reduce))
      .mask_fn(mask_function("magnitude"))
      .set("sparsity_level", options.sparsity_level);
  if (options.features) {
    TORCH_CHECK_VALUE(
        options.feature_dim.has_value(),
        "mask_activations: `features` need `feature_dim`, their dimension");
    result.features(*options.features);
  }
  if (options.feature_dim) {
    TORCH_CHECK_VALUE(
        *options.feature_dim != 0,
        "mask_activations: dimension 0 holds the samples; features must be "
        "along another");
    result.feature_dim(*options.feature_dim);
  }
  return result;
}

/// Registers all layers that have a site.
std::vector<Watched> watch(
    const ActivationLayers& layers,
    ActivationSparsifier& sparsifier) {
  std::vector<Watched> watched;
  for (const auto& layer : layers) {
    if (!layer.site) {
      continue;
    }
    sparsifier.register_layer(layer.fqn);
    Watched each{layer, 0, std::make_shared<ActivationStatistics>(), ""};
    each.observer = layer.site->observe(
        [to = each.statistics](const torch::Tensor& x) { to->add(x); });
    watched.push_back(std::move(each));
  }
  return watched;
}

/// Marks the layers that cannot be masked.
void let_go_of_unfit(
    std::vector<Watched>& watched,
    const std::vector<std::string>& named,
    ActivationSparsifier& sparsifier) {
  bool any = false;
  for (auto& each : watched) {
    each.layer.site->detach(each.observer);
    if (!each.statistics->is_floating()) {
      each.left_because = "its input is not a floating tensor";
    } else if (each.statistics->shape().empty()) {
      each.left_because = "it never ran, or its input has only one dimension";
    }
    if (each.left_because.empty()) {
      any = true;
      continue;
    }
    TORCH_CHECK_VALUE(
        !each.is_named(named),
        "mask_activations: layer `",
        each.layer.fqn,
        "` cannot be masked: ",
        each.left_because);
    sparsifier.unregister_layer(each.layer.fqn);
  }
  TORCH_CHECK_VALUE(
      any,
      "mask_activations: there is no layer to mask: none of those chosen got "
      "a floating tensor");
}

void run_all(
    torch::jit::Module& model,
    const calibration::Samples& samples,
    const MaskActivationsOptions& options) {
  calibration::SampleIndices all(samples.count());
  std::iota(all.begin(), all.end(), 0);
  calibration::run_samples(
      model, samples, all, options.batch, [&](auto, int64_t done, auto) {
        if (options.progress) {
          options.progress(done, samples.count());
        }
      });
}

MaskedActivation row_of(
    const Watched& watched,
    const ActivationSparsifier& sparsifier) {
  MaskedActivation row;
  row.layer = watched.layer.fqn;
  row.left_because = watched.left_because;
  if (row.left_because.empty()) {
    const auto mask = sparsifier.get_mask(row.layer);
    row.shape = watched.statistics->shape();
    row.zeros_before = watched.statistics->zeros();
    row.masked = watched.statistics->masked(mask);
    row.energy_kept = watched.statistics->energy_kept(mask);
  }
  return row;
}

} // namespace

std::vector<MaskedActivation> mask_activations(
    const torch::jit::Module& module,
    const std::vector<c10::IValue>& inputs,
    const MaskActivationsOptions& options,
    torch::jit::Module& masked) {
  const auto layer_options = sparsifier_options(options);
  TORCH_CHECK_VALUE(
      options.batch > 0,
      "mask_activations: expected a batch of 1 or more, got ",
      options.batch);
  graph::check_inputs(module, inputs);
  const calibration::Samples samples(module, inputs, /*are_single=*/false);
  // A copy: running samples changes a model that has a state.
  auto model = with_activation_sites(module.deepcopy(), options.layers);
  const auto layers = activation_layers(model);
  ActivationSparsifier sparsifier(layers, layer_options);
  auto watched = watch(layers, sparsifier);
  run_all(model, samples, options);
  let_go_of_unfit(watched, options.layers, sparsifier);
  sparsifier.step();

  masked = with_activation_sites(module, options.layers);
  std::map<std::string, MaskedActivation> rows;
  for (const auto& each : watched) {
    rows.emplace(each.layer.fqn, row_of(each, sparsifier));
  }
  std::vector<MaskedActivation> result;
  for (const auto& layer : activation_layers(masked)) {
    const auto row = rows.find(layer.fqn);
    if (row == rows.end()) {
      continue;
    }
    if (row->second.left_because.empty()) {
      layer.site->mask(sparsifier.get_mask(layer.fqn));
    }
    result.push_back(row->second);
  }
  if (!options.sites) {
    masked = without_activation_sites(masked);
  }
  return result;
}

} // namespace coppice
