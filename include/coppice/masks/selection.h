#pragma once

#include <torch/arg.h>
#include <torch/types.h>

#include "coppice/core/pattern.h"
#include "coppice/export.h"

namespace coppice {

/// Which scores are compared with one another, and how many are dropped.
///
///     Selection().pattern(Nm{2, 4})
///     Selection().sparsity(0.8).among(Selection::Among::Row)
struct COPPICE_API Selection {
  /// What `sparsity` is a fraction of. N:M always selects within its groups.
  enum class Among {
    Tensor, ///< All elements, or blocks, of the matrix.
    Row,    ///< Those of each row, or row of blocks, separately.
  };

  Selection() = default;
  /* implicit */ Selection(Pattern pattern);
  /* implicit */ Selection(Nm groups);
  /* implicit */ Selection(BlockShape block);

  /// The fraction that is dropped: implied by N:M, else `sparsity`.
  double share() const;

  TORCH_ARG(Pattern, pattern) = Unstructured{};
  /// Fraction of elements or blocks to drop, 0 to 1. Ignored for N:M.
  TORCH_ARG(double, sparsity) = 0.5;
  TORCH_ARG(Among, among) = Among::Tensor;
};

/// Keeps the highest scores.
/// Shapes: `scores` is [out, ...], seen as [out, rest]; the mask has the same
///   shape and dtype kBool; true means keep. The score of a block is the mean
///   of its elements; partial blocks at the edges have fewer. A shorter last
///   group of N:M loses at most m - n elements.
/// Count: `trunc(sparsity * n)` of n scores, in double precision, as in
///   SparseGPT and Wanda.
/// Ties: the lower index is dropped. NaN counts as the highest score.
/// Errors: c10::ValueError if the sparsity is not in [0, 1], or `scores` is
///   empty, has fewer than two dimensions or is not floating.
COPPICE_API torch::Tensor select_mask(
    const torch::Tensor& scores,
    const Selection& selection);

} // namespace coppice
