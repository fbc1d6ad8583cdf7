#include "coppice/core/activation_site.h"

#include <ATen/ExpandUtils.h>
#include <ATen/TracerMode.h>
#include <torch/csrc/jit/frontend/tracer.h>
#include <torch/csrc/jit/ir/ir.h>

#include <algorithm>
#include <utility>

#include "core/site_scopes.h"

namespace coppice {
namespace {

void check_fits(const torch::Tensor& mask, c10::IntArrayRef sizes) {
  TORCH_CHECK_VALUE(
      at::is_expandable_to(mask.sizes(), sizes),
      "a mask of shape ",
      mask.sizes(),
      " does not fit an activation of shape ",
      sizes,
      "; reduce over the batch for a mask of every batch size");
}

/// Adds the name of the layer to an error.
template <typename Work>
auto with_layer(const ActivationSite& site, Work work) {
  try {
    return work();
  } catch (c10::Error& error) {
    const auto fqn = site.layer_fqn();
    error.add_context(
        "at the input of " + (fqn.empty() ? "a layer" : "layer `" + fqn + "`"));
    throw;
  }
}

} // namespace

const torch::Tensor& ActivationMask::whole() const {
  TORCH_CHECK_VALUE(
      !has_features,
      "the mask is per feature and has no tensor for the whole activation; use "
      "`masks`");
  return masks.at(0);
}

torch::Tensor masked_activation(
    const torch::Tensor& activation,
    const ActivationMask& mask) {
  const auto as_activation = [&](const torch::Tensor& one) {
    return one.to(activation.options());
  };
  if (!mask.has_features) {
    const auto& whole = mask.whole();
    check_fits(whole, activation.sizes());
    return activation.mul(as_activation(whole));
  }
  // A copy: the activation is the caller's.
  auto masked = activation.clone();
  for (size_t i = 0; i < mask.features.size(); ++i) {
    const int64_t size = activation.size(mask.feature_dim);
    TORCH_CHECK_VALUE(
        mask.features[i] >= 0 && mask.features[i] < size,
        "feature ",
        mask.features[i],
        " is out of range: dimension ",
        mask.feature_dim,
        " of the activation has ",
        size);
    auto slice = masked.narrow(mask.feature_dim, mask.features[i], 1);
    check_fits(mask.masks.at(i), slice.sizes());
    slice.mul_(as_activation(mask.masks[i]));
  }
  return masked;
}

ActivationSite::ActivationSite(std::string layer_fqn)
    : layer_fqn_(std::move(layer_fqn)) {}

torch::Tensor ActivationSite::pass(const torch::Tensor& activation) const {
  const auto* const traced = TracedSites::object_of(*this);
  return traced ? record(activation, *traced) : run(activation);
}

torch::Tensor ActivationSite::record(
    const torch::Tensor& activation,
    const c10::IValue& object) const {
  namespace tracer = torch::jit::tracer;
  const auto& state = tracer::getTracingState();
  auto* const node = state->createNode(
      c10::Symbol::fromQualString("coppice::activation_site"),
      /*num_outputs=*/0);
  tracer::addInputs(node, "x", activation);
  node->addInput(state->getValue(object));
  state->insertNode(node);
  const at::tracer::impl::NoTracerDispatchMode inner_ops_are_not_recorded;
  auto passed = run(activation);
  if (passed.is_same(activation)) {
    // The tracer identifies values by tensor: without an alias, users of the
    // output would be connected to the input.
    passed = activation.alias();
  }
  tracer::addOutput(node, passed);
  return passed;
}

torch::Tensor ActivationSite::run(const torch::Tensor& activation) const {
  const auto attached = list();
  if (attached == nullptr) {
    return activation;
  }
  return with_layer(*this, [&] {
    auto passing = activation;
    for (const auto& each : *attached) {
      if (!each.observer) {
        passing = masked_activation(passing, each.mask);
      } else if (!QuietSites::here()) {
        each.observer(passing);
      }
    }
    return passing;
  });
}

ActivationSite::Id ActivationSite::observe(Observer observer) {
  TORCH_CHECK_VALUE(observer, "observe: the observer is an empty function");
  return attach({0, std::move(observer), {}});
}

ActivationSite::Id ActivationSite::mask(ActivationMask mask) {
  const size_t wanted = mask.has_features ? mask.features.size() : 1;
  TORCH_CHECK_VALUE(
      mask.masks.size() == wanted,
      "mask: expected ",
      wanted,
      " tensors but got ",
      mask.masks.size());
  return attach({0, nullptr, std::move(mask)});
}

// Both release the old list after the lock: an observer's destructor may call
// this site.

ActivationSite::Id ActivationSite::attach(Attached attached) {
  std::shared_ptr<const List> old;
  const std::lock_guard<std::mutex> lock(mutex_);
  attached.id = ++last_id_;
  auto next = list_ ? std::make_shared<List>(*list_) : std::make_shared<List>();
  next->push_back(std::move(attached));
  old = std::exchange(list_, std::move(next));
  return last_id_;
}

void ActivationSite::detach(Id id) {
  std::shared_ptr<const List> old;
  const std::lock_guard<std::mutex> lock(mutex_);
  if (list_ == nullptr) {
    return;
  }
  auto next = std::make_shared<List>(*list_);
  next->erase(
      std::remove_if(
          next->begin(),
          next->end(),
          [&](const Attached& each) { return each.id == id; }),
      next->end());
  if (next->empty()) {
    next = nullptr;
  }
  old = std::exchange(list_, std::move(next));
}

bool ActivationSite::is_empty() const {
  return list() == nullptr;
}

bool ActivationSite::is_idle() const {
  return is_empty() && TracedSites::object_of(*this) == nullptr;
}

std::vector<ActivationMask> ActivationSite::masks() const {
  std::vector<ActivationMask> masks;
  if (const auto attached = list()) {
    for (const auto& each : *attached) {
      if (!each.observer) {
        masks.push_back(each.mask);
      }
    }
  }
  return masks;
}

std::string ActivationSite::layer_fqn() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return layer_fqn_;
}

void ActivationSite::set_layer_fqn(std::string layer_fqn) {
  const std::lock_guard<std::mutex> lock(mutex_);
  layer_fqn_ = std::move(layer_fqn);
}

c10::intrusive_ptr<ActivationSite> ActivationSite::copy() const {
  auto copied = c10::make_intrusive<ActivationSite>();
  const std::lock_guard<std::mutex> lock(mutex_);
  copied->layer_fqn_ = layer_fqn_;
  copied->list_ = list_;
  copied->last_id_ = last_id_;
  return copied;
}

std::shared_ptr<const ActivationSite::List> ActivationSite::list() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return list_;
}

} // namespace coppice
