#pragma once

#include <torch/arg.h>

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <utility>
#include <vector>

#include "coppice/export.h"
#include "coppice/schedule/base_scheduler.h"

namespace coppice {

/// One value for all groups, or one per group: `0.1` or `{0.1, 0.2}`.
template <typename T>
class PerGroup {
 public:
  /*implicit*/ PerGroup(T value) : values_(1, value) {}
  /*implicit*/ PerGroup(std::vector<T> values)
      : values_(std::move(values)), is_list_(true) {}
  /*implicit*/ PerGroup(std::initializer_list<T> values)
      : values_(values), is_list_(true) {}

  bool is_list() const {
    return is_list_;
  }
  const std::vector<T>& values() const {
    return values_;
  }

 private:
  std::vector<T> values_;
  bool is_list_ = false;
};

/// Options of `CubicSL`. The first five accept a list, one value per group.
/// Example: `CubicSLOptions().sparsity_level(0.9).total_steps(10)`.
struct COPPICE_API CubicSLOptions {
  /// The level s_0 at the start. Default: 0
  TORCH_ARG(PerGroup<double>, init_sl) = 0.0;
  /// The step t_0 at which the level begins to change. Default: 0
  TORCH_ARG(PerGroup<int64_t>, init_t) = int64_t(0);
  /// Scheduler steps per update; only the product with `total_t` matters, as
  /// the level changes at every step. Default: 10
  TORCH_ARG(PerGroup<int64_t>, delta_t) = int64_t(10);
  /// Updates until the final level. Default: 100
  TORCH_ARG(PerGroup<int64_t>, total_t) = int64_t(100);
  /// Whether the level is 0, not `init_sl`, before `init_t`. Default: false
  TORCH_ARG(PerGroup<bool>, initially_zero) = false;
  /// The final level s_f. Default: each group's level at construction
  TORCH_ARG(std::optional<PerGroup<double>>, sparsity_level) = std::nullopt;
  /// The time before the first step; the schedule starts one after it. Default:
  /// -1
  TORCH_ARG(int64_t, last_epoch) = -1;
  /// Whether every step prints the levels. Default: false
  TORCH_ARG(bool, verbose) = false;

 public:
  /// Reaches the final level after `steps` scheduler steps, one update per
  /// step.
  CubicSLOptions& total_steps(int64_t steps);
};

/// Raises the level along a cubic curve, fast at first:
///
///     s(t) = s_f + (s_0 - s_f) * (1 - (t - t_0) / (delta_t * total_t))^3
///
/// clamped to [s_0, s_f]; before t_0 it is s_0, or 0 if `initially_zero`. A
/// level never decreases: if s_0 > s_f it stays s_0.
///
/// The state has the reference's keys, and `sparsity_level` if the option was
/// set, which Python ignores.
///
/// Source: CubicSL of torch.ao.pruning; Zhu and Gupta 2017, arXiv:1710.01878.
class COPPICE_API CubicSL : public BaseScheduler {
 public:
  /// Errors: c10::ValueError if a list does not have one value per group, a
  ///   level is not finite, or delta_t * total_t is not positive.
  explicit CubicSL(SparsityLevels& sparsifier, CubicSLOptions options = {});

  Values state_dict() const override;
  void load_state_dict(const Values& state) override;

 protected:
  std::vector<double> get_sl() const override;

 private:
  std::vector<double> init_sl_;
  std::vector<int64_t> init_t_;
  std::vector<int64_t> delta_t_;
  std::vector<int64_t> total_t_;
  std::vector<bool> initially_zero_;
  /// Empty if the final levels are `base_sl()`.
  std::optional<std::vector<double>> final_sl_;
};

} // namespace coppice
