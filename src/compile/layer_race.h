#pragma once

#include <torch/types.h>

#include <functional>
#include <string>
#include <vector>

#include "coppice/sparse/packed_weight.h"
#include "graph/weight_ops.h"

namespace coppice::compiling {

/// A way to compute a weight op: by LibTorch (no weight) or a packed weight.
struct Candidate {
  c10::intrusive_ptr<PackedWeight> weight;

  bool is_libtorch() const {
    return !weight;
  }
  /// The name of its format, "bitmask_rows" or "bitmask_rows bfloat16";
  /// "libtorch" without a weight.
  std::string name() const;
  /// The operator for a graph: "coppice::linear_relu".
  std::string operator_name(const WeightOp& op) const;
  /// A function that computes the op through the dispatcher, as the graph
  /// interpreter does: its overhead matters for small layers.
  std::function<torch::Tensor()> runner(
      const WeightOp& op,
      const torch::Tensor& input) const;
};

/// The times of candidates on one input.
struct LayerRace {
  std::vector<double> microseconds; ///< One per candidate.
  std::vector<double> ratios;       ///< Relative to LibTorch.
  std::vector<bool> wins;           ///< Significantly faster than LibTorch.
  size_t winner = 0;
};

/// LibTorch first, then the weight in every format that matches its zeros and
/// serves the batch of at least one input: a format made for the largest input
/// can still be the best overall. Includes formats by column if a single input
/// is largely zero, as after a relu. Each format is packed with each of
/// `dtypes`.
std::vector<Candidate> candidates_for(
    const WeightOp& op,
    const std::vector<torch::Tensor>& inputs,
    const std::vector<torch::ScalarType>& dtypes = {torch::kFloat});

/// The candidates whose results on this input equal LibTorch's up to rounding;
/// LibTorch first.
std::vector<Candidate> valid_candidates(
    const WeightOp& op,
    const torch::Tensor& input,
    const std::vector<Candidate>& candidates);

/// The number of inputs (matrix rows) in one call.
int64_t rows_of(const WeightOp& op, const torch::Tensor& input);

/// The fraction of zeros of an input if they can be skipped: a single input of
/// a linear layer. Otherwise 0.
double skipped_share(const WeightOp& op, const torch::Tensor& input);

/// Times the candidates. Before each run, `passing_bytes` of other memory are
/// read, which evict the weights from the caches as the model's other layers
/// do; with 0 the weights are warm.
LayerRace race_layer(
    const WeightOp& op,
    const torch::Tensor& input,
    const std::vector<Candidate>& candidates,
    int64_t passing_bytes,
    double seconds);

} // namespace coppice::compiling
