#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "coppice/core/sparsity_levels.h"
#include "coppice/export.h"
#include "coppice/sparsify/base_data_sparsifier.h"

namespace coppice {

/// Lets a scheduler drive a numeric option of a data sparsifier instead of its
/// sparsity level:
///
///     ScheduledOption zeros(sparsifier, "zeros_per_block");
///     LambdaSL schedule(zeros, [](int64_t epoch) { return epoch / 10.0; });
///
/// An integer option is rounded to the nearest, half to even.
///
/// Source: `schedule_param` of BaseDataScheduler of torch.ao.pruning.
class COPPICE_API ScheduledOption : public SparsityLevels {
 public:
  /// `sparsifier` must outlive this.
  ///
  /// Errors: c10::ValueError if some data has no number as `option`.
  ScheduledOption(BaseDataSparsifier& sparsifier, std::string option);

  /// The values of the option, in the order of the data.
  std::vector<double> sparsity_levels() const override;

  /// Sets the option of all data and enables mask updates again.
  ///
  /// Errors: c10::ValueError if there are not as many values as data, or one is
  ///   wrong for its data.
  void set_sparsity_levels(const std::vector<double>& values) override;

  int64_t step_count() const override {
    return sparsifier_.step_count();
  }

 private:
  std::vector<c10::IValue> values() const;

  BaseDataSparsifier& sparsifier_;
  std::string option_;
};

} // namespace coppice
