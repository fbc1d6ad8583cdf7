#pragma once

#include <torch/types.h>

#include <string>
#include <vector>

#include "coppice/graph/weight_ops.h"
#include "coppice/sparse/packed_weight.h"

namespace coppice::compiling {

/// A way to compute a weight op: LibTorch's own (no weight) or a packed weight.
struct Candidate {
  c10::intrusive_ptr<PackedWeight> weight;

  bool is_libtorch() const {
    return !weight;
  }
  /// The name of its format; "libtorch" for LibTorch's own.
  std::string name() const;
  /// What the op computes, this way.
  torch::Tensor run(const WeightOp& op, const torch::Tensor& input) const;
  /// The operator that runs it, for a graph: "coppice::linear_relu".
  std::string operator_name(const WeightOp& op) const;
};

/// Times of candidates on one input.
struct LayerRace {
  std::vector<double> microseconds; ///< In the order of the candidates.
  size_t winner = 0;
};

/// LibTorch's own first, then the weight in every format that fits its zeros
/// and serves as many products a call as `rows`, if its results are those of
/// LibTorch but for rounding.
std::vector<Candidate> candidates_for(
    const WeightOp& op,
    const torch::Tensor& input);

/// How many products with the weight one call computes.
int64_t rows_of(const WeightOp& op, const torch::Tensor& input);

/// Races the candidates. `from_memory`: with caches that hold none of the
/// weights, as in a model that is larger than they are.
LayerRace race_layer(
    const WeightOp& op,
    const torch::Tensor& input,
    const std::vector<Candidate>& candidates,
    bool from_memory,
    double seconds);

} // namespace coppice::compiling
