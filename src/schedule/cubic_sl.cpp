#include "coppice/schedule/cubic_sl.h"

#include <c10/util/Exception.h>

#include <algorithm>
#include <cmath>

#include "schedule/state_reader.h"

namespace coppice {
namespace {

/// The key of the final levels in a state. The reference has none: its final
/// levels are always `base_sl`.
const char* const kFinalLevels = "sparsity_level";

template <typename T>
std::vector<T>
per_group(const char* option, const PerGroup<T>& value, size_t groups) {
  if (!value.is_list()) {
    return std::vector<T>(groups, value.values().front());
  }
  TORCH_CHECK_VALUE(
      value.values().size() == groups,
      "CubicSL: expected `",
      option,
      "` to have one value per group, ",
      groups,
      " in all, got ",
      value.values().size());
  return value.values();
}

void check_finite(const char* option, const std::vector<double>& levels) {
  for (size_t i = 0; i < levels.size(); ++i) {
    TORCH_CHECK_VALUE(
        std::isfinite(levels[i]),
        "CubicSL: expected `",
        option,
        "` to be finite, got ",
        levels[i],
        " for group ",
        i);
  }
}

/// Steps from the first to the last level. double, so that the product cannot
/// overflow.
double horizon(int64_t delta_t, int64_t total_t) {
  return static_cast<double>(delta_t) * static_cast<double>(total_t);
}

void check_horizons(
    const std::vector<int64_t>& delta_t,
    const std::vector<int64_t>& total_t) {
  for (size_t i = 0; i < delta_t.size(); ++i) {
    TORCH_CHECK_VALUE(
        horizon(delta_t[i], total_t[i]) > 0,
        "CubicSL: expected delta_t * total_t to be positive, got delta_t=",
        delta_t[i],
        " and total_t=",
        total_t[i],
        " for group ",
        i);
  }
}

/// In the reference's order of operations, so that levels are equal bit for
/// bit.
double cubic_sl(double first, double final, double steps, double horizon) {
  const double level =
      final + (first - final) * std::pow(1.0 - steps / horizon, 3.0);
  return std::max(first, std::min(final, level));
}

} // namespace

CubicSLOptions& CubicSLOptions::total_steps(int64_t steps) {
  return delta_t(int64_t(1)).total_t(steps);
}

CubicSL::CubicSL(SparsityLevels& sparsifier, CubicSLOptions options)
    : BaseScheduler(sparsifier, options.last_epoch(), options.verbose()) {
  const auto groups = base_sl().size();
  init_sl_ = per_group("init_sl", options.init_sl(), groups);
  init_t_ = per_group("init_t", options.init_t(), groups);
  delta_t_ = per_group("delta_t", options.delta_t(), groups);
  total_t_ = per_group("total_t", options.total_t(), groups);
  initially_zero_ =
      per_group("initially_zero", options.initially_zero(), groups);
  if (const auto& final_sl = options.sparsity_level()) {
    final_sl_ = per_group(kFinalLevels, *final_sl, groups);
    check_finite(kFinalLevels, *final_sl_);
  }
  check_finite("init_sl", init_sl_);
  check_horizons(delta_t_, total_t_);
  start();
}

std::vector<double> CubicSL::get_sl() const {
  const auto& final_sl = final_sl_ ? *final_sl_ : base_sl();
  std::vector<double> levels;
  levels.reserve(final_sl.size());
  for (size_t i = 0; i < final_sl.size(); ++i) {
    if (initially_zero_[i] && last_epoch() < init_t_[i]) {
      levels.push_back(0.0);
      continue;
    }
    const double steps =
        static_cast<double>(last_epoch()) - static_cast<double>(init_t_[i]);
    levels.push_back(cubic_sl(
        init_sl_[i], final_sl[i], steps, horizon(delta_t_[i], total_t_[i])));
  }
  return levels;
}

Values CubicSL::state_dict() const {
  auto state = BaseScheduler::state_dict();
  state["delta_t"] = delta_t_;
  state["init_sl"] = init_sl_;
  state["init_t"] = init_t_;
  state["initially_zero"] = initially_zero_;
  state["total_t"] = total_t_;
  if (final_sl_) {
    state[kFinalLevels] = *final_sl_;
  }
  return state;
}

void CubicSL::load_state_dict(const Values& state) {
  schedule::StateReader reader(state, base_sl().size());
  auto delta_t = reader.integers("delta_t");
  auto init_sl = reader.numbers("init_sl");
  auto init_t = reader.integers("init_t");
  auto initially_zero = reader.booleans("initially_zero");
  auto total_t = reader.integers("total_t");
  std::optional<std::vector<double>> final_sl;
  if (reader.contains(kFinalLevels)) {
    final_sl = reader.numbers(kFinalLevels);
    check_finite(kFinalLevels, *final_sl);
  }
  check_finite("init_sl", init_sl);
  check_horizons(delta_t, total_t);
  // May throw, so it runs before any change here.
  BaseScheduler::load_state_dict(reader.rest());

  delta_t_ = std::move(delta_t);
  init_sl_ = std::move(init_sl);
  init_t_ = std::move(init_t);
  initially_zero_ = std::move(initially_zero);
  total_t_ = std::move(total_t);
  final_sl_ = std::move(final_sl);
}

} // namespace coppice
