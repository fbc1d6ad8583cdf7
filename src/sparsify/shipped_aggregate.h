#pragma once

#include <torch/types.h>

namespace coppice::sparsify {

/// A shipped aggregate function, which works in place.
struct ShippedAggregate {
  const char* name;
  bool of_magnitudes;
  bool is_maximum; ///< Else a sum.
  bool is_mean;    ///< A sum, divided by the number of samples when read.

  /// The values of `activation` that are aggregated; may be `activation`
  /// itself.
  torch::Tensor value(const torch::Tensor& activation) const;

  /// Adds `value` to `rows`, of the same shape, or takes the maximum of both.
  void add(torch::Tensor& rows, const torch::Tensor& value) const;
};

} // namespace coppice::sparsify
