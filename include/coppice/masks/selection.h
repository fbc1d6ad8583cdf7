#pragma once

#include <torch/arg.h>
#include <torch/types.h>

#include "coppice/core/pattern.h"
#include "coppice/export.h"

namespace coppice {

/// Which scores are compared with one another, and how many of them fall.
///
///     Selection().pattern(Nm{2, 4})
///     Selection().sparsity(0.8).among(Selection::Among::Row)
struct COPPICE_API Selection {
  /// What a fraction is taken of. N:M compares within its groups alone.
  enum class Among {
    Tensor, ///< All elements, or blocks, of the matrix.
    Row,    ///< Those of each row, or row of blocks, by themselves.
  };

  Selection() = default;
  /* implicit */ Selection(Pattern pattern);
  /* implicit */ Selection(Nm groups);
  /* implicit */ Selection(BlockShape block);

  /// The fraction that falls: that of N:M, else `sparsity`.
  double share() const;

  TORCH_ARG(Pattern, pattern) = Unstructured{};
  /// Fraction of the elements, or blocks, that falls, 0 to 1. N:M has its own.
  TORCH_ARG(double, sparsity) = 0.5;
  TORCH_ARG(Among, among) = Among::Tensor;
};

/// Keeps the highest scores.
///
/// Shapes: `scores` is [out, ...], seen as [out, rest]; the mask has the same
///   shape and dtype kBool; true means keep. A block scores the mean of its
///   elements; blocks that the shape cuts off the mean of what they have. A
///   last group of N:M that is shorter loses at most m - n.
/// Count: `trunc(sparsity * n)` of n things that are compared, computed in
///   double, as SparseGPT and Wanda count.
/// Ties: the lower index falls. NaN counts as the highest score.
/// Errors: c10::ValueError if the sparsity is not in [0, 1], or `scores` is
///   empty, has fewer than two dimensions or is not floating.
COPPICE_API torch::Tensor select_mask(
    const torch::Tensor& scores,
    const Selection& selection);

} // namespace coppice
