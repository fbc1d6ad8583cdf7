#pragma once

#include <optional>
#include <string>
#include <vector>

#include "compile/layer_race.h"

namespace coppice::compiling {

/// What races found out before, a small file each. Whatever is wrong with a
/// file or the folder, it is as if nothing was remembered.
class TimingCache {
 public:
  /// Empty: remembers nothing.
  explicit TimingCache(std::string folder) : folder_(std::move(folder)) {}

  /// What was measured for the same processor, threads, op, zeros, input and
  /// candidates.
  std::optional<LayerRace> find(
      const WeightOp& op,
      const torch::Tensor& input,
      const std::vector<Candidate>& candidates,
      int64_t passing_bytes) const;

  void keep(
      const WeightOp& op,
      const torch::Tensor& input,
      const std::vector<Candidate>& candidates,
      int64_t passing_bytes,
      const LayerRace& race) const;

 private:
  std::string folder_;
};

} // namespace coppice::compiling
