#include "coppice/sparsify/scheduled_option.h"

#include <torch/types.h>

#include <cmath>

namespace coppice {
namespace {

/// `value` as a number of the type of `present`.
c10::IValue as_present_type(double value, const c10::IValue& present) {
  if (!present.isInt()) {
    return value;
  }
  constexpr auto kMost = static_cast<double>(int64_t(1) << 62);
  TORCH_CHECK_VALUE(
      std::abs(value) <= kMost,
      "ScheduledOption: expected a value that rounds to a whole number, got ",
      value);
  return static_cast<int64_t>(std::nearbyint(value));
}

} // namespace

ScheduledOption::ScheduledOption(
    BaseDataSparsifier& sparsifier,
    std::string option)
    : sparsifier_(sparsifier), option_(std::move(option)) {
  values();
}

std::vector<double> ScheduledOption::sparsity_levels() const {
  std::vector<double> numbers;
  for (const auto& value : values()) {
    numbers.push_back(value.toScalar().toDouble());
  }
  return numbers;
}

void ScheduledOption::set_sparsity_levels(const std::vector<double>& values) {
  const auto present = this->values();
  TORCH_CHECK_VALUE(
      values.size() == present.size(),
      "ScheduledOption: expected ",
      present.size(),
      " values of `",
      option_,
      "`, one for each tensor under the sparsifier, got ",
      values.size());
  std::vector<c10::IValue> next;
  for (size_t i = 0; i < values.size(); ++i) {
    next.push_back(as_present_type(values[i], present[i]));
  }
  sparsifier_.set_option(option_, next);
  sparsifier_.enable_mask_update(true);
}

std::vector<c10::IValue> ScheduledOption::values() const {
  std::vector<c10::IValue> values;
  for (const auto& group : sparsifier_.data_groups()) {
    const auto options = sparsifier_.options(group.name);
    const auto found = options.find(option_);
    TORCH_CHECK_VALUE(
        found != options.end() &&
            (found->second.isDouble() || found->second.isInt()),
        "ScheduledOption: `",
        group.name,
        "` has no number as option `",
        option_,
        "`");
    values.push_back(found->second);
  }
  return values;
}

} // namespace coppice
