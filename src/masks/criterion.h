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

/// How important the elements and blocks of a weight are; higher stays.
struct Criterion {
  /// Scores of elements; a block scores their mean.
  torch::Tensor (*scores)(const torch::Tensor& weight);
  /// The same in kernels that score blocks while they read the weight.
  kernels::Measure measure;
  /// How single elements are compared. Squares go by magnitude, which orders
  /// them alike and does not underflow.
  kernels::Order order;
};

/// Scores of the caller's own.
extern const Criterion kByValue;

/// A criterion that options and recipes name.
struct NormCriterion {
  Norm norm;
  int64_t number; ///< Of the option `norm`.
  std::string_view name;
  Criterion criterion;
};

/// All of them.
extern const std::array<NormCriterion, 2> kNormCriteria;

const NormCriterion& row_of(Norm norm);

inline const Criterion& criterion_of(Norm norm) {
  return row_of(norm).criterion;
}

/// The norm that the option `norm` calls by `number`, if there is one.
std::optional<Norm> norm_numbered(int64_t number);

} // namespace coppice::masks
