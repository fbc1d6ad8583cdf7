#include "coppice/schedule/base_scheduler.h"

#include <c10/util/Exception.h>
#include <fmt/format.h>

#include <iostream>
#include <limits>
#include <utility>

#include "schedule/state_reader.h"

namespace coppice {
namespace {

/// Checks that counts are valid and can be incremented.
void check_counts(int64_t step_count, int64_t last_epoch) {
  constexpr auto kMost = std::numeric_limits<int64_t>::max() / 2;
  TORCH_CHECK_VALUE(
      0 <= step_count && step_count < kMost,
      "load_state_dict: expected `_step_count` to be 0 or more and below ",
      kMost,
      ", got ",
      step_count);
  TORCH_CHECK_VALUE(
      -1 <= last_epoch && last_epoch < kMost,
      "load_state_dict: expected `last_epoch` to be -1 or more and below ",
      kMost,
      ", got ",
      last_epoch);
}

void print_levels(const std::vector<double>& levels) {
  for (size_t i = 0; i < levels.size(); ++i) {
    std::cout << fmt::format(
        "Adjusting sparsity level of group {} to {:.4e}.\n", i, levels[i]);
  }
}

} // namespace

BaseScheduler::BaseScheduler(
    SparsityLevels& sparsifier,
    int64_t last_epoch,
    bool verbose)
    : sparsifier_(sparsifier),
      sparsifier_steps_at_start_(sparsifier.step_count()),
      base_sl_(sparsifier.sparsity_levels()),
      last_sl_(base_sl_),
      last_epoch_(last_epoch),
      verbose_(verbose) {}

void BaseScheduler::start() {
  // A second call must not step again.
  if (step_count_ == 0) {
    advance();
  }
}

void BaseScheduler::step() {
  start();
  if (step_count_ == 1 &&
      sparsifier_.step_count() == sparsifier_steps_at_start_) {
    TORCH_WARN(
        "Detected call of `scheduler.step()` before `sparsifier.step()`. Call "
        "them in the opposite order: `sparsifier.step()`, then "
        "`scheduler.step()`.");
  }
  advance();
}

void BaseScheduler::advance() {
  ++last_epoch_;
  try {
    auto levels = get_sl();
    TORCH_CHECK_VALUE(
        levels.size() == base_sl_.size(),
        "BaseScheduler: expected get_sl() to return one level per group, ",
        base_sl_.size(),
        " in all, got ",
        levels.size());
    sparsifier_.set_sparsity_levels(levels);
    last_sl_ = std::move(levels);
  } catch (...) {
    --last_epoch_;
    throw;
  }
  ++step_count_;
  if (verbose_) {
    print_levels(last_sl_);
  }
}

const std::vector<double>& BaseScheduler::base_sl() const {
  return base_sl_;
}

const std::vector<double>& BaseScheduler::get_last_sl() const {
  return last_sl_;
}

int64_t BaseScheduler::last_epoch() const {
  return last_epoch_;
}

int64_t BaseScheduler::step_count() const {
  return step_count_;
}

Values BaseScheduler::state_dict() const {
  return {
      // Unused here; Python's scheduler needs it.
      {"_get_sl_called_within_step", false},
      {"_last_sl", last_sl_},
      {"_step_count", step_count_},
      {"base_sl", base_sl_},
      {"last_epoch", last_epoch_},
      {"verbose", verbose_},
  };
}

void BaseScheduler::load_state_dict(const Values& state) {
  schedule::StateReader reader(state, base_sl_.size());
  reader.boolean("_get_sl_called_within_step");
  auto last_sl = reader.numbers("_last_sl");
  const auto step_count = reader.integer("_step_count");
  auto base_sl = reader.numbers("base_sl");
  const auto last_epoch = reader.integer("last_epoch");
  const auto verbose = reader.boolean("verbose");
  reader.expect_nothing_left();
  check_counts(step_count, last_epoch);

  sparsifier_.set_sparsity_levels(last_sl);
  last_sl_ = std::move(last_sl);
  step_count_ = step_count;
  base_sl_ = std::move(base_sl);
  last_epoch_ = last_epoch;
  verbose_ = verbose;
}

} // namespace coppice
