#pragma once

#include <torch/types.h>

#include <cstdint>
#include <mutex>
#include <vector>

#include "coppice/core/activation_site.h"

namespace coppice::oneshot {

/// Statistics of all inputs of a layer. Memory: one sample's elements in
/// float64.
class ActivationStatistics {
 public:
  /// Thread-safe.
  void add(const torch::Tensor& activation);

  bool is_floating() const {
    return is_floating_;
  }
  /// Of an input, without dimension 0.
  std::vector<int64_t> shape() const;
  /// The fraction of elements that were zero.
  double zeros() const;
  /// The fraction of elements that `mask` drops, and of the sum of squares that
  /// it keeps. The mask must be the same for all samples.
  double masked(const ActivationMask& mask) const;
  double energy_kept(const ActivationMask& mask) const;

 private:
  std::mutex mutex_;
  bool is_floating_ = true;
  int64_t elements_ = 0;
  int64_t zero_elements_ = 0;
  torch::Tensor squares_; ///< [1, ...]: of each element, over the samples.
};

} // namespace coppice::oneshot
