#pragma once

#include <torch/types.h>

#include <cstdint>
#include <mutex>
#include <vector>

#include "coppice/core/activation_site.h"

namespace coppice::oneshot {

/// Sums over all activations that entered a layer. Memory: one sample's
/// elements in float64.
class ActivationStatistics {
 public:
  /// Thread-safe.
  void add(const torch::Tensor& activation);

  bool is_floating() const {
    return is_floating_;
  }
  /// Of an activation, without dimension 0.
  std::vector<int64_t> shape() const;
  /// The share of elements that were zero.
  double zeros() const;
  /// The share of elements that `mask` drops, and of the sum of squares that it
  /// leaves. A mask that tells samples apart is none for these.
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
