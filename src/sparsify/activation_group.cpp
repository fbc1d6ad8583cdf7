#include "coppice/sparsify/activation_group.h"

#include "sparsify/activation_aggregate.h"

namespace coppice {

std::string to_string(ActivationHook hook) {
  switch (hook) {
    case ActivationHook::Aggregate:
      return "aggregate";
    case ActivationHook::Sparsify:
      return "sparsify";
    case ActivationHook::None:
      return "None";
  }
  TORCH_CHECK(false, "an ActivationHook that is none of its values");
}

ActivationGroup::ActivationGroup(
    ActivationLayer layer,
    ActivationOptions options)
    : layer_(std::move(layer)),
      options_(std::move(options)),
      aggregate_(std::make_shared<sparsify::ActivationAggregate>(options_)) {}

bool ActivationGroup::has_data() const {
  return aggregate_->has_data();
}

std::vector<torch::Tensor> ActivationGroup::data() const {
  auto data = aggregate_->data();
  for (auto& one : data) {
    one = one.clone();
  }
  return data;
}

std::optional<ActivationMask> ActivationGroup::mask() const {
  return aggregate_->has_data() ? mask_of(aggregate_->ones()) : mask_;
}

ActivationMask ActivationGroup::mask_of(
    std::vector<torch::Tensor> masks) const {
  const auto& features = options_.features();
  return {
      std::move(masks),
      features.has_value(),
      features.value_or(std::vector<int64_t>()),
      options_.feature_dim().value_or(0)};
}

void ActivationGroup::attach(ActivationHook hook) {
  detach();
  hook_state_ = hook;
  if (hook == ActivationHook::Aggregate) {
    attached_ =
        layer_.site->observe([aggregate = aggregate_](const torch::Tensor& x) {
          aggregate->add(x);
        });
  } else if (hook == ActivationHook::Sparsify) {
    attached_ = layer_.site->mask(*mask_);
  }
}

void ActivationGroup::detach() {
  if (attached_ != 0) {
    layer_.site->detach(attached_);
  }
  attached_ = 0;
}

} // namespace coppice
