#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "coppice/core/values.h"
#include "coppice/sparsify/activation_functions.h"

namespace coppice {

/// What an `ActivationSparsifier` does at a layer. What is not set falls back
/// to the sparsifier's own options. Example:
///
///     ActivationOptions()
///         .aggregate_fn(aggregate_sum())
///         .reduce_fn([](const torch::Tensor& x) { return x.mean(0); })
///         .mask_fn(mask_magnitude())
///         .set("sparsity_level", 0.5)
class ActivationOptions {
 public:
  ActivationOptions& aggregate_fn(AggregateFunction function);
  ActivationOptions& reduce_fn(ReduceFunction function);
  ActivationOptions& mask_fn(MaskFunction function);
  const AggregateFunction& aggregate_fn() const {
    return aggregate_fn_;
  }
  const ReduceFunction& reduce_fn() const {
    return reduce_fn_;
  }
  const MaskFunction& mask_fn() const {
    return mask_fn_;
  }

  /// Only these indices along `feature_dim` are gathered and masked, each by
  /// itself. Default: the whole activation
  ActivationOptions& features(std::vector<int64_t> indices);
  const std::optional<std::vector<int64_t>>& features() const {
    return features_;
  }

  /// From the end if negative.
  ActivationOptions& feature_dim(int64_t dim);
  const std::optional<int64_t>& feature_dim() const {
    return feature_dim_;
  }

  /// What is gathered begins with the first activation itself, not with the
  /// aggregate of zeros and the first activation; so maxima may be negative and
  /// averages are not drawn to 0. Default: false, as in the reference
  ActivationOptions& first_value_seed(bool enabled);
  const std::optional<bool>& first_value_seed() const {
    return first_value_seed_;
  }

  /// A value that the mask function is called with.
  ActivationOptions& set(const std::string& name, c10::IValue value);
  const Values& sparse_config() const {
    return sparse_config_;
  }

  /// These options, and those of `fallback` that are not set here.
  ActivationOptions merged_over(const ActivationOptions& fallback) const;

 private:
  AggregateFunction aggregate_fn_;
  ReduceFunction reduce_fn_;
  MaskFunction mask_fn_;
  std::optional<std::vector<int64_t>> features_;
  std::optional<int64_t> feature_dim_;
  std::optional<bool> first_value_seed_;
  Values sparse_config_;
};

} // namespace coppice
