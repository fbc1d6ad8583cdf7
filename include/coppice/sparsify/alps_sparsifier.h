#pragma once

#include <string>
#include <vector>

#include "coppice/export.h"
#include "coppice/sparsify/calibrated_options.h"
#include "coppice/sparsify/calibrated_sparsifier.h"

namespace coppice {

/// Searches which weights to drop together with the values of those that stay.
/// `solve_alps` is the method alone.
///
/// A step begins with the weights as they stand, zeros of the last one
/// included, and keeps what the layers give then.
///
/// Source: Meng et al. 2024, arXiv:2406.07831.
class COPPICE_API ALPSSparsifier : public CalibratedSparsifier {
 public:
  /// Errors: c10::ValueError if an option is out of range, or the pattern is
  ///   one that the method has not.
  explicit ALPSSparsifier(ALPSSparsifierOptions options = {});

 protected:
  Solved solve(const Group& group, const std::vector<SecondMoments>& moments)
      override;
  void check_options(const Group& group) const override;
  Values describe(const SparsifierOptions& options) const override;
  std::string name() const override;
};

} // namespace coppice
