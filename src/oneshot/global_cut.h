#pragma once

#include <torch/types.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "coppice/core/pattern.h"
#include "coppice/masks/norm.h"

namespace coppice::oneshot {

/// Where one threshold over several tensors cuts: lower scores are dropped, and
/// the first `ties` of those equal to `score`.
struct GlobalCut {
  double score = 0;
  int64_t ties = 0;
};

/// Calls its argument with the scores of all tensors, part after part and in
/// the same order every time: float32 or float64. Their magnitudes count.
using ScorePass =
    std::function<void(const std::function<void(const torch::Tensor&)>&)>;

/// The cut that drops the `drop` lowest of all scores, exactly, in memory that
/// does not grow with their number: a histogram of 16 bits of them a pass, two
/// passes for float32 and four if `is_wide`.
///
/// Errors: c10::ValueError if a score is not finite.
GlobalCut find_global_cut(int64_t drop, bool is_wide, const ScorePass& pass);

/// How many passes that takes.
int64_t global_passes(bool is_wide);

/// True for the scores that `cut` keeps. Takes the ties that it drops off
/// `cut.ties`, so that parts can follow each other.
torch::Tensor kept_by(GlobalCut& cut, const torch::Tensor& scores);

/// The score of every block of `matrix` [h, w], as WeightNormSparsifier scores:
/// the mean of its norm; for single elements the values themselves, whose
/// magnitudes order as their norms do. float64 for float64, else float32.
torch::Tensor
scores_of(const torch::Tensor& matrix, BlockShape block, Norm norm);

} // namespace coppice::oneshot
