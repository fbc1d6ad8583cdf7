#pragma once

#include <string>
#include <vector>

#include "coppice/export.h"
#include "coppice/sparsify/calibrated_options.h"
#include "coppice/sparsify/calibrated_sparsifier.h"

namespace coppice {

/// Drops weights that are small times what enters them, and leaves the others
/// as they are.
///
/// As in the reference, weights are scored by |W_ij| times the sum of squares
/// of input j, all of a layer are compared, and what was dropped stays dropped.
/// With `as_published` it is the method of the paper, `solve_wanda`: |W_ij|
/// times the norm of the input, compared within a row. Weights are scored with
/// dropped values put back.
///
/// Source: WandaSparsifier of torchao; Sun et al. 2023, arXiv:2306.11695.
class COPPICE_API WandaSparsifier : public CalibratedSparsifier {
 public:
  /// Warns that the level does not count where a block size is given.
  ///
  /// Errors: c10::ValueError if an option is out of range.
  explicit WandaSparsifier(WandaSparsifierOptions options = {});

 protected:
  Solved solve(const Group& group, const std::vector<SecondMoments>& moments)
      override;
  void check_options(const Group& group) const override;
  Values describe(const SparsifierOptions& options) const override;
  std::string name() const override;
};

} // namespace coppice
