#pragma once

#include <c10/util/Exception.h>

#include <utility>
#include <vector>

#include "coppice/core/sparsity_levels.h"

namespace coppice::testing {

/// A minimal implementation for schedulers.
class FakeLevels : public SparsityLevels {
 public:
  explicit FakeLevels(std::vector<double> levels)
      : levels_(std::move(levels)) {}

  std::vector<double> sparsity_levels() const override {
    return levels_;
  }
  void set_sparsity_levels(const std::vector<double>& levels) override {
    TORCH_CHECK_VALUE(
        levels.size() == levels_.size(),
        "expected ",
        levels_.size(),
        " levels, got ",
        levels.size());
    levels_ = levels;
  }
  int64_t step_count() const override {
    return steps_;
  }
  void step() {
    ++steps_;
  }
  void add_group(double level) {
    levels_.push_back(level);
  }

 private:
  std::vector<double> levels_;
  int64_t steps_ = 0;
};

/// Steps `scheduler` as a training loop does.
template <typename Scheduler>
void step(FakeLevels& sparsifier, Scheduler& scheduler, int times = 1) {
  for (int i = 0; i < times; ++i) {
    sparsifier.step();
    scheduler.step();
  }
}

/// The levels after construction and after each of `steps` steps.
template <typename Scheduler>
std::vector<std::vector<double>>
levels_over_time(FakeLevels& sparsifier, Scheduler& scheduler, size_t steps) {
  std::vector<std::vector<double>> sequence{sparsifier.sparsity_levels()};
  while (sequence.size() <= steps) {
    step(sparsifier, scheduler);
    sequence.push_back(sparsifier.sparsity_levels());
  }
  return sequence;
}

} // namespace coppice::testing
