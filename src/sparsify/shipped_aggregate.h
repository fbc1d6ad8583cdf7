#pragma once

#include <torch/types.h>

namespace coppice::sparsify {

/// An aggregate that works in place.
struct ShippedAggregate {
  const char* name;
  bool of_magnitudes;
  bool is_maximum; ///< Else a sum.
  bool is_mean;    ///< A sum to be divided.

  /// What of `activation` is aggregated; may be itself.
  torch::Tensor value(const torch::Tensor& activation) const;

  /// Adds `value` to `rows`, of the same shape, or takes the maximum of both.
  void add(torch::Tensor& rows, const torch::Tensor& value) const;
};

} // namespace coppice::sparsify
