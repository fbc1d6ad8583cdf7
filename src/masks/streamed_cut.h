#pragma once

#include <torch/types.h>

#include <cstdint>
#include <functional>

#include "kernels/cut.h"
#include "kernels/order.h"

/// One threshold over scores that together exceed memory.
namespace coppice::masks {

/// What scores are, and how they are compared.
struct ScoreType {
  kernels::Order order = kernels::Order::kMagnitude;
  bool is_wide = false; ///< Some are float64; else all are float32.
};

/// The cut of all scores; makes the mask part by part.
class StreamedCut {
 public:
  StreamedCut(ScoreType type, kernels::Cut cut) : type_(type), cut_(cut) {}

  /// The mask of the next part: kBool, in the shape of `scores`; true means
  /// keep. Ties drop earlier parts first, then lower indices.
  torch::Tensor next_mask(const torch::Tensor& scores);

 private:
  ScoreType type_;
  kernels::Cut cut_; ///< `ties` is the number still to be dropped.
};

/// Calls its argument with all scores, part by part.
using ScorePass =
    std::function<void(const std::function<void(const torch::Tensor&)>&)>;

/// How often `find_streamed_cut` reads the scores.
int64_t streamed_passes(bool is_wide);

/// The cut that drops exactly the `drop` lowest of all scores, in constant
/// memory: each pass counts 16 bits of the keys.
///
/// Errors: c10::ValueError if a score is not finite.
StreamedCut
find_streamed_cut(int64_t drop, ScoreType type, const ScorePass& pass);

} // namespace coppice::masks
