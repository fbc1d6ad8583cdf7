#include "masks/criterion.h"

#include <torch/types.h>

#include <algorithm>

namespace coppice::masks {
namespace {

using kernels::Measure;
using kernels::Order;

torch::Tensor magnitude(const torch::Tensor& weight) {
  return weight.abs();
}

torch::Tensor square(const torch::Tensor& weight) {
  return weight * weight;
}

torch::Tensor itself(const torch::Tensor& scores) {
  return scores;
}

} // namespace

const Criterion kByValue{itself, Measure::kValue, Order::kValue};

const std::array<NormCriterion, 2> kNormCriteria{{
    {Norm::L1, 1, "L1", {magnitude, Measure::kMagnitude, Order::kMagnitude}},
    {Norm::L2, 2, "L2", {square, Measure::kSquare, Order::kMagnitude}},
}};

const NormCriterion& row_of(Norm norm) {
  return *std::find_if(
      kNormCriteria.begin(), kNormCriteria.end(), [norm](const auto& row) {
        return row.norm == norm;
      });
}

std::optional<Norm> norm_numbered(int64_t number) {
  for (const auto& row : kNormCriteria) {
    if (row.number == number) {
      return row.norm;
    }
  }
  return std::nullopt;
}

} // namespace coppice::masks
