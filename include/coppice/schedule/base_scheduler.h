#pragma once

#include <cstdint>
#include <vector>

#include "coppice/core/sparsity_levels.h"
#include "coppice/core/values.h"
#include "coppice/export.h"

namespace coppice {

/// Sets the sparsity levels of a sparsifier's groups during training. The order
/// in a training loop is `sparsifier.step(); scheduler.step();`.
///
/// A schedule of your own overrides `get_sl` and calls `start()` last in its
/// constructor to write the first levels (else the first `step()` does):
///
///     class Halve : public coppice::BaseScheduler {
///      public:
///       explicit Halve(coppice::SparsityLevels& s) : BaseScheduler(s) {
///       start(); }
///      protected:
///       std::vector<double> get_sl() const override { ... last_epoch() ... }
///     };
///
/// Source: BaseScheduler of torch.ao.pruning.
class COPPICE_API BaseScheduler {
 public:
  /// `sparsifier` must outlive the scheduler. Its current levels become
  /// `base_sl()`; later changes of them are ignored.
  ///
  /// Errors: c10::ValueError if a group has no sparsity level.
  explicit BaseScheduler(
      SparsityLevels& sparsifier,
      int64_t last_epoch = -1,
      bool verbose = false);
  virtual ~BaseScheduler() = default;

  BaseScheduler(const BaseScheduler&) = delete;
  BaseScheduler& operator=(const BaseScheduler&) = delete;

  /// Advances by one and sets the levels. Warns, at the first call only, if the
  /// sparsifier was not stepped since the scheduler was made. With `verbose`
  /// prints one line per group to standard output.
  ///
  /// Errors: c10::ValueError if `get_sl` returns another number of levels than
  ///   there were groups when the scheduler was made, or groups were added.
  ///   Nothing changes then, nor if `get_sl` throws.
  void step();

  /// The levels before any schedule.
  const std::vector<double>& base_sl() const;
  /// The levels that were set last.
  const std::vector<double>& get_last_sl() const;
  /// The time t of the schedule: 0 after construction, plus one per step. A
  /// `last_epoch` given to the constructor makes it start one after that.
  int64_t last_epoch() const;
  /// How many times the levels were set; 1 after construction.
  int64_t step_count() const;

  /// Everything but the sparsifier, under the reference's names and with its
  /// types: Python's `load_state_dict` accepts it. A subclass adds its own
  /// state.
  virtual Values state_dict() const;

  /// Loads what `state_dict`, here or in Python, returned. Sets its levels at
  /// once; the reference keeps the old ones until the next step. A subclass
  /// with state of its own checks it, passes the rest to this, and then changes
  /// its own.
  ///
  /// Errors: c10::ValueError if a key is missing or unknown, a value is of
  ///   another type, or its length is not the number of groups. Nothing is
  ///   changed then.
  virtual void load_state_dict(const Values& state);

 protected:
  /// The levels of all groups at `last_epoch()`. Any value is allowed.
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
