#pragma once

#include <torch/types.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "coppice/masks/norm.h"
#include "kernels/block_scores.h"
#include "kernels/order.h"

namespace coppice::masks {

/// Importance of elements and blocks of a weight; the highest are kept.
struct Criterion {
  /// Scores of elements; a block's score is their mean.
  torch::Tensor (*scores)(const torch::Tensor& weight);
  /// The same for kernels that score blocks while reading the weight.
  kernels::Measure measure;
  /// The order of single elements. Squares are compared by magnitude: the same
  /// order, without underflow.
  kernels::Order order;
};

/// Scores that the caller computed.
extern const Criterion kByValue;

/// A criterion with a name for options and recipes.
struct NormCriterion {
  Norm norm;
  int64_t number; ///< Value of the option `norm`.
  std::string_view name;
  Criterion criterion;
};

/// All criteria with names.
extern const std::array<NormCriterion, 2> kNormCriteria;

const NormCriterion& row_of(Norm norm);

inline const Criterion& criterion_of(Norm norm) {
  return row_of(norm).criterion;
}

/// The norm of a value of the option `norm`, if valid.
std::optional<Norm> norm_numbered(int64_t number);

} // namespace coppice::masks
