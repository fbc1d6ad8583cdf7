#include "coppice/sparsify/activation_sparsifier.h"

#include <ATen/ExpandUtils.h>
#include <c10/core/InferenceMode.h>
#include <torch/torch.h>

#include <algorithm>

#include "coppice/graph/activation_sites.h"
#include "model/activation_layers.h"
#include "sparsify/activation_aggregate.h"
#include "sparsify/activation_checks.h"
#include "sparsify/group_options.h"

namespace coppice {

ActivationSparsifier::ActivationSparsifier(
    const torch::nn::Module& model,
    ActivationOptions defaults)
    : ActivationSparsifier(activation_layers(model), std::move(defaults)) {}

ActivationSparsifier::ActivationSparsifier(
    const torch::jit::Module& model,
    ActivationOptions defaults)
    : ActivationSparsifier(activation_layers(model), std::move(defaults)) {}

ActivationSparsifier::ActivationSparsifier(
    ActivationLayers layers,
    ActivationOptions defaults)
    : layers_(std::move(layers)), defaults_(std::move(defaults)) {}

ActivationSparsifier::~ActivationSparsifier() {
  for (auto& group : groups_) {
    if (group.hook_state() == ActivationHook::Aggregate) {
      group.detach();
    }
  }
}

void ActivationSparsifier::register_layer(
    const std::string& fqn,
    const ActivationOptions& options) {
  register_at(layer_of("register_layer", fqn), options);
}

void ActivationSparsifier::register_layer(
    const torch::nn::Module& layer,
    const ActivationOptions& options) {
  register_at(layer_at("register_layer", &layer), options);
}

void ActivationSparsifier::register_layer(
    const torch::jit::Module& layer,
    const ActivationOptions& options) {
  register_at(layer_at("register_layer", layer._ivalue().get()), options);
}

void ActivationSparsifier::register_at(
    const ActivationLayer& layer,
    const ActivationOptions& options) {
  const auto merged = options.merged_over(defaults_);
  sparsify::with_tensor("registering layer", layer.fqn, [&] {
    sparsify::check_has_site(layer);
    sparsify::check_features(merged);
    check_options(merged);
  });
  if (find_group(layer.fqn) != nullptr) {
    TORCH_WARN(
        "register_layer: layer `",
        layer.fqn,
        "` was registered before; it starts again without its mask and "
        "aggregate");
    unregister_layer(layer.fqn);
  }
  groups_.push_back(ActivationGroup(layer, merged));
  groups_.back().attach(ActivationHook::Aggregate);
}

void ActivationSparsifier::unregister_layer(const std::string& fqn) {
  const auto index = &group_of("unregister_layer", fqn) - groups_.data();
  groups_[index].detach();
  groups_.erase(groups_.begin() + index);
}

ActivationMask ActivationSparsifier::get_mask(const std::string& fqn) const {
  auto mask = group_of("get_mask", fqn).mask();
  TORCH_CHECK_VALUE(
      mask,
      "get_mask: nothing has entered layer `",
      fqn,
      "` yet, so its mask has no shape; run the model first");
  for (auto& one : mask->masks) {
    one = one.clone();
  }
  return *std::move(mask);
}

ActivationMask ActivationSparsifier::get_mask(
    const torch::nn::Module& layer) const {
  return get_mask(layer_at("get_mask", &layer).fqn);
}

ActivationMask ActivationSparsifier::get_mask(
    const torch::jit::Module& layer) const {
  return get_mask(layer_at("get_mask", layer._ivalue().get()).fqn);
}

void ActivationSparsifier::step() {
  sparsify::check_can_step(groups_);
  const c10::InferenceMode no_inference(false);
  const torch::NoGradGuard no_grad;
  std::vector<std::optional<ActivationMask>> masks(groups_.size());
  for (size_t i = 0; i < groups_.size(); ++i) {
    if (groups_[i].hook_state() == ActivationHook::Aggregate) {
      masks[i] = sparsify::with_tensor(
          "masking what enters layer", groups_[i].fqn(), [&] {
            return new_mask(groups_[i]);
          });
    }
  }
  for (size_t i = 0; i < groups_.size(); ++i) {
    if (masks[i]) {
      groups_[i].mask_ = std::move(masks[i]);
      groups_[i].aggregate_->clear();
    }
  }
}

ActivationMask ActivationSparsifier::new_mask(const ActivationGroup& group) {
  const auto data = group.aggregate_->data();
  const auto shapes = group.aggregate_->shapes();
  std::vector<torch::Tensor> masks;
  for (size_t i = 0; i < data.size(); ++i) {
    const auto mask = update_mask(group, data[i]);
    TORCH_CHECK_VALUE(mask.defined(), "the mask function returned no tensor");
    TORCH_CHECK_VALUE(
        at::is_expandable_to(mask.sizes(), shapes[i]),
        "the mask function returned a mask of shape ",
        mask.sizes(),
        ", which does not broadcast to ",
        group.options().features() ? "a feature of the activation"
                                   : "the activation",
        ", of shape ",
        torch::IntArrayRef(shapes[i]));
    masks.push_back(mask.detach().clone());
  }
  return group.mask_of(std::move(masks));
}

torch::Tensor ActivationSparsifier::update_mask(
    const ActivationGroup& group,
    const torch::Tensor& aggregated) {
  const auto& options = group.options();
  const auto reduced = options.reduce_fn()(aggregated);
  TORCH_CHECK_VALUE(
      reduced.defined(), "the reduce function returned no tensor");
  return options.mask_fn()(reduced, options.sparse_config());
}

void ActivationSparsifier::squash_mask(bool attach_sparsify_hook) {
  sparsify::check_can_squash(groups_);
  const auto hook =
      attach_sparsify_hook ? ActivationHook::Sparsify : ActivationHook::None;
  for (auto& group : groups_) {
    if (group.has_data()) {
      TORCH_WARN(
          "squash_mask: activations entered layer `",
          group.fqn(),
          "` after the last step, so its mask keeps everything; call `step` "
          "before");
    }
    if (group.hook_state() != hook) {
      group.mask_ = group.mask();
      group.aggregate_->clear();
      group.attach(hook);
    }
  }
}

const ActivationLayer& ActivationSparsifier::layer_of(
    const char* function,
    const std::string& fqn) const {
  const auto name = &ActivationLayer::fqn;
  if (const auto* found = sparsify::find_named(layers_, fqn, name)) {
    return *found;
  }
  TORCH_CHECK_VALUE(
      false,
      function,
      ": the model has no layer `",
      fqn,
      "`; the nearest is `",
      sparsify::nearest_named(layers_, fqn, name),
      "`");
}

const ActivationLayer& ActivationSparsifier::layer_at(
    const char* function,
    const void* identity) const {
  const auto found = std::find_if(
      layers_.begin(), layers_.end(), [&](const ActivationLayer& layer) {
        return layer.identity == identity;
      });
  TORCH_CHECK_VALUE(
      identity != nullptr && found != layers_.end(),
      function,
      ": the given layer is not in the model; give a layer of the model or its "
      "FQN");
  return *found;
}

const ActivationGroup* ActivationSparsifier::find_group(
    const std::string& fqn) const {
  return sparsify::find_named(groups_, fqn, &ActivationGroup::fqn);
}

const ActivationGroup& ActivationSparsifier::group_of(
    const char* function,
    const std::string& fqn) const {
  if (const auto* group = find_group(fqn)) {
    return *group;
  }
  const auto hint = groups_.empty()
      ? std::string("none is")
      : c10::str(
            "the nearest that is: `",
            sparsify::nearest_named(groups_, fqn, &ActivationGroup::fqn),
            "`");
  TORCH_CHECK_VALUE(
      false, function, ": no layer `", fqn, "` is registered; ", hint);
}

void ActivationSparsifier::check_options(
    const ActivationOptions& options) const {
  sparsify::check_functions(options);
}

} // namespace coppice
