#pragma once

#include "coppice/masks/weight_norm.h"
#include "kernels/block_scores.h"
#include "kernels/order.h"

namespace coppice::masks {

/// What blocks are scored by, and how single elements are ordered: by magnitude
/// whatever the norm, which orders as squares do, without underflow.
struct Ranking {
  kernels::Measure measure;
  kernels::Order order;
};

inline Ranking ranking_of(Norm norm) {
  return {
      norm == Norm::L1 ? kernels::Measure::kMagnitude
                       : kernels::Measure::kSquare,
      kernels::Order::kMagnitude};
}

/// Scores of the caller's own.
constexpr Ranking kByValue = {kernels::Measure::kValue, kernels::Order::kValue};

/// True if dropped blocks lose every element.
inline bool drops_whole_blocks(const WeightNormPattern& pattern) {
  return pattern.zeros_per_block == pattern.sparse_block_shape.size();
}

} // namespace coppice::masks
