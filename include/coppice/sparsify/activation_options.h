#pragma once

#include <torch/arg.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "coppice/core/values.h"
#include "coppice/export.h"
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
class COPPICE_API ActivationOptions {
  TORCH_ARG(AggregateFunction, aggregate_fn);
  TORCH_ARG(ReduceFunction, reduce_fn);
  TORCH_ARG(MaskFunction, mask_fn);

  /// The dimension of `features`, from the end if negative.
  TORCH_ARG(std::optional<int64_t>, feature_dim);

  /// The aggregate starts as the first activation, not as the aggregate of
  /// zeros and the first activation. Maxima may then be negative, and averages
  /// are not biased to 0. Default: false, as in the reference
  TORCH_ARG(std::optional<bool>, first_value_seed);

 public:
  /// Only these indices along `feature_dim` are aggregated and masked, each
  /// separately. Default: the whole activation
  ActivationOptions& features(std::vector<int64_t> indices);
  const std::optional<std::vector<int64_t>>& features() const {
    return features_;
  }

  /// An option of the mask function.
  ActivationOptions& set(const std::string& name, c10::IValue value);
  const Values& sparse_config() const {
    return sparse_config_;
  }

  /// These options, and those of `fallback` that are not set here.
  ActivationOptions merged_over(const ActivationOptions& fallback) const;

 private:
  std::optional<std::vector<int64_t>> features_;
  Values sparse_config_;
};

} // namespace coppice
