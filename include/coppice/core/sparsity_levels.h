#pragma once

#include <cstdint>
#include <vector>

#include "coppice/export.h"

namespace coppice {

/// What a scheduler drives: an ordered list of sparsity levels, one per group.
/// Weight and data sparsifiers implement it.
class COPPICE_API SparsityLevels {
 public:
  virtual ~SparsityLevels() = default;

  /// The level of every group, in the order of the groups.
  ///
  /// Errors: c10::ValueError if a group has no sparsity level.
  virtual std::vector<double> sparsity_levels() const = 0;

  /// Sets the level of every group and enables mask updates again, as the
  /// reference's scheduler does. Levels outside [0, 1] are accepted: masks
  /// clamp them.
  ///
  /// Errors: c10::ValueError if there are not as many levels as groups.
  virtual void set_sparsity_levels(const std::vector<double>& levels) = 0;

  /// Number of calls of `step()`.
  virtual int64_t step_count() const = 0;
};

} // namespace coppice
