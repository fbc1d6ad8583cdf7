#pragma once

#include <torch/types.h>

#include <functional>
#include <string>
#include <vector>

#include "coppice/sparse/packed_weight.h"
#include "graph/weight_ops.h"

namespace coppice::compiling {

/// A way to compute a weight op: LibTorch's own (no weight) or a packed weight.
struct Candidate {
  c10::intrusive_ptr<PackedWeight> weight;

  bool is_libtorch() const {
    return !weight;
  }
  /// The name of its format, "bitmask_rows" or "bitmask_rows bfloat16";
  /// "libtorch" for LibTorch's own.
  std::string name() const;
  /// The operator that runs it, for a graph: "coppice::linear_relu".
  std::string operator_name(const WeightOp& op) const;
  /// Computes what the op computes, this way: through the calls that the
  /// interpreter of a graph makes, whose cost counts where layers are small.
  std::function<torch::Tensor()> runner(
      const WeightOp& op,
      const torch::Tensor& input) const;
};

/// Times of candidates on one input.
struct LayerRace {
  std::vector<double> microseconds; ///< In the order of the candidates.
  std::vector<double> ratios;       ///< Of their times to LibTorch's.
  std::vector<bool> wins;           ///< Faster than LibTorch's beyond noise.
  size_t winner = 0;
};

/// LibTorch's own first, then the weight in every format that fits its zeros
/// and is made for one of the inputs: among several inputs, one that is made
/// for the large may still be the best for all. Formats by column are among
/// them where a single input is largely zero, as after a relu. Each comes with
/// its weights stored as each of `dtypes`.
std::vector<Candidate> candidates_for(
    const WeightOp& op,
    const std::vector<torch::Tensor>& inputs,
    const std::vector<torch::ScalarType>& dtypes = {torch::kFloat});

/// Those of the candidates whose results on this input are those of LibTorch
/// but for rounding; LibTorch's own first.
std::vector<Candidate> entrants_of(
    const WeightOp& op,
    const torch::Tensor& input,
    const std::vector<Candidate>& candidates);

/// How many products with the weight one call computes.
int64_t rows_of(const WeightOp& op, const torch::Tensor& input);

/// The share of zeros of an input whose zeros matter: a single one of a linear
/// layer. 0 for others.
double skipped_share(const WeightOp& op, const torch::Tensor& input);

/// Races the candidates. Before each run `passing_bytes` of other memory go
/// through the caches, as other layers' weights do in a model; without any,
/// weights are warm.
LayerRace race_layer(
    const WeightOp& op,
    const torch::Tensor& input,
    const std::vector<Candidate>& candidates,
    int64_t passing_bytes,
    double seconds);

} // namespace coppice::compiling
