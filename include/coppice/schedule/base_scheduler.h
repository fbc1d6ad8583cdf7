#pragma once

#include <torch/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "coppice/core/sparsity_levels.h"
#include "coppice/core/values.h"

namespace coppice {

/// Sets the sparsity levels of a sparsifier's groups as training goes on.
/// The order in a training loop is `sparsifier.step(); scheduler.step();`.
///
/// A schedule of your own overrides `get_sl` and calls `start()` last in its
/// constructor, which writes the first levels:
///
///     class Halve : public coppice::BaseScheduler {
///      public:
///       explicit Halve(coppice::SparsityLevels& s) : BaseScheduler(s) { start(); }
///      protected:
///       std::vector<double> get_sl() const override { ... last_epoch() ... }
///     };
///
/// Source: BaseScheduler of torch.ao.pruning.
class BaseScheduler {
 public:
  /// `sparsifier` must outlive the scheduler. Its present levels become
  /// `base_sl()`; later changes of them are not seen.
  ///
  /// Errors: c10::ValueError if a group has no sparsity level.
  explicit BaseScheduler(
      SparsityLevels& sparsifier,
      int64_t last_epoch = -1,
      bool verbose = false);
  virtual ~BaseScheduler() = default;

  BaseScheduler(const BaseScheduler&) = delete;
  BaseScheduler& operator=(const BaseScheduler&) = delete;

  /// Moves on by one and sets the levels. Warns, at the first call only, if the
  /// sparsifier was not stepped before.
  void step();

  /// The levels before any schedule.
  const std::vector<double>& base_sl() const;
  /// The levels that were set last.
  const std::vector<double>& get_last_sl() const;
  /// How often the levels were set, less one; -1 before the first time.
  int64_t last_epoch() const;
  /// How often the levels were set.
  int64_t step_count() const;

  /// Everything but the sparsifier, under the reference's names.
  virtual Values state_dict() const;

  /// Takes up what `state_dict` returned and sets its levels.
  ///
  /// Errors: c10::ValueError if a value is missing, of another type, or its
  ///   length is not the number of groups.
  virtual void load_state_dict(const Values& state);

 protected:
  /// The levels of all groups at `last_epoch()`.
  virtual std::vector<double> get_sl() const = 0;

  /// Writes the first levels; the last line of a subclass's constructor.
  void start();

 private:
  void advance();

  SparsityLevels& sparsifier_;
  int64_t sparsifier_steps_at_start_;
  std::vector<double> base_sl_;
  std::vector<double> last_sl_;
  int64_t last_epoch_;
  int64_t step_count_ = 0;
  bool verbose_;
};

} // namespace coppice
