#pragma once

#include <string>
#include <vector>

#include "coppice/export.h"
#include "coppice/sparsify/calibrated_options.h"
#include "coppice/sparsify/calibrated_sparsifier.h"

namespace coppice {

/// Drops weights column by column; those of the columns that follow make up for
/// them. `solve_sparsegpt` is the method alone.
///
/// A step begins with the weights as they stand, zeros of the last one
/// included, and keeps what the layers give then.
///
/// Source: Frantar and Alistarh 2023, arXiv:2301.00774.
class COPPICE_API SparseGPTSparsifier : public CalibratedSparsifier {
 public:
  /// Errors: c10::ValueError if an option is out of range, or the pattern is
  ///   one that the method has not.
  explicit SparseGPTSparsifier(SparseGPTSparsifierOptions options = {});

 protected:
  Solved solve(const Group& group, const std::vector<SecondMoments>& moments)
      override;
  void check_options(const Group& group) const override;
  Values describe(const SparsifierOptions& options) const override;
  std::string name() const override;
};

} // namespace coppice
