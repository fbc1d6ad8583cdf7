#include "coppice/sparsify/activation_options.h"

namespace coppice {
namespace {

template <typename Option>
void fall_back(Option& option, const Option& fallback) {
  if (!option) {
    option = fallback;
  }
}

} // namespace

ActivationOptions& ActivationOptions::features(std::vector<int64_t> indices) {
  features_ = std::move(indices);
  return *this;
}

ActivationOptions& ActivationOptions::set(
    const std::string& name,
    c10::IValue value) {
  sparse_config_[name] = std::move(value);
  return *this;
}

ActivationOptions ActivationOptions::merged_over(
    const ActivationOptions& fallback) const {
  ActivationOptions merged = *this;
  fall_back(merged.aggregate_fn_, fallback.aggregate_fn_);
  fall_back(merged.reduce_fn_, fallback.reduce_fn_);
  fall_back(merged.mask_fn_, fallback.mask_fn_);
  fall_back(merged.features_, fallback.features_);
  fall_back(merged.feature_dim_, fallback.feature_dim_);
  fall_back(merged.first_value_seed_, fallback.first_value_seed_);
  // insert() does not overwrite.
  merged.sparse_config_.insert(
      fallback.sparse_config_.begin(), fallback.sparse_config_.end());
  return merged;
}

} // namespace coppice
