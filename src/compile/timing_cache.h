#pragma once

#include <optional>
#include <string>
#include <vector>

#include "compile/layer_race.h"

namespace coppice::compiling {

/// Timings of earlier runs, one small file each. Errors in files or the folder
/// count as cache misses.
class TimingCache {
 public:
  /// An empty `folder` disables the cache.
  explicit TimingCache(std::string folder) : folder_(std::move(folder)) {}

  /// The timing for the same processor, threads, op, zeros, input and
  /// candidates.
  std::optional<LayerRace> find(
      const WeightOp& op,
      const torch::Tensor& input,
      const std::vector<Candidate>& candidates,
      int64_t passing_bytes) const;

  void store(
      const WeightOp& op,
      const torch::Tensor& input,
      const std::vector<Candidate>& candidates,
      int64_t passing_bytes,
      const LayerRace& race) const;

 private:
  std::string folder_;
};

} // namespace coppice::compiling
