#pragma once

#include <torch/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace coppice::oneshot {

/// How samples run through a model.
struct SampleUse {
  int64_t batch = 32;
  /// The model takes one sample at a time, without a sample dimension.
  bool are_single = false;
  /// Number of samples to draw at random; all if there are fewer.
  std::optional<int64_t> samples;
  uint64_t seed = 0;
  torch::Tensor labels; ///< Class of every sample; undefined: none.
  /// Limit for second moments in memory, in bytes; one layer's may exceed it.
  int64_t memory = int64_t(2) << 30;
  /// Called during work with the stage ("running samples") and its progress.
  std::function<void(const std::string& what, int64_t done, int64_t total)>
      progress;

  void tell(const std::string& what, int64_t done, int64_t total) const {
    if (progress) {
      progress(what, done, total);
    }
  }
};

} // namespace coppice::oneshot
