#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "calibration/output_change.h"
#include "coppice/oneshot/prune_checkpoint.h"

namespace coppice::oneshot {

/// What is to come, told before the work begins.
struct SampledWork {
  int64_t layers = 0;  ///< Weights to prune, parts of one counted as one.
  int64_t samples = 0; ///< That calibrate.
  int64_t held_back = 0;
  int64_t passes = 0; ///< Over the samples, to collect what enters layers.
  /// The most memory that second moments take at once, in bytes.
  int64_t moments_bytes = 0;
};

struct SampledOptions {
  int64_t batch = 32;
  /// The model takes one sample at a time, without the dimension of samples.
  bool are_single = false;
  /// So many of the samples, drawn at random; all if there are fewer.
  std::optional<int64_t> samples;
  uint64_t seed = 0;
  /// Layer after layer: each is solved on what enters it once those before it
  /// are pruned, for the outputs of the dense model. Else all at once.
  bool sequential = false;
  bool recalibrate_norms = false;
  torch::Tensor labels; ///< Classes of all samples; undefined: none.
  /// What second moments may take at once, in bytes; a single layer's may take
  /// more.
  int64_t memory = int64_t(2) << 30;
  bool dry_run = false;
  std::function<void(const SampledWork&)> begin;
  /// Called as work goes on: what is done now ("running samples"), how far.
  std::function<void(const std::string& what, int64_t done, int64_t total)>
      progress;
};

/// A tensor that samples pruned.
struct SampledTensor {
  PruneMethod method = PruneMethod::Magnitude;
  /// Squared error of its layer's outputs over the squared outputs: on the
  /// calibration samples, or, of methods that keep no whole second moments, on
  /// those that the outputs are compared on.
  std::optional<double> error;
  double dampening = 0; ///< As of `Solved`.
  int64_t dead_inputs = 0;
};

struct SampledReport {
  PruneReport pruned;
  /// By the place of `pruned.tensors`; empty for those that are left.
  std::vector<std::optional<SampledTensor>> tensors;
  SampledWork work;
  std::vector<std::string> norms; ///< Tensors of norms that were re-estimated.
  calibration::OutputChange change;
};

/// Prunes the weights of a TorchScript archive by what enters its layers on
/// calibration samples, and writes a copy: as `prune_checkpoint`, but that
/// weights that stay may change. An eighth of the samples is held back, and the
/// outputs of both models are compared on them; on all, if there are fewer than
/// eight.
///
/// `load` gives the archive's model, newly loaded. `inputs`: as `Samples` takes
/// them.
/// Errors: c10::ValueError as `prune_checkpoint` and `Samples`, if the model
///   does not run on the samples, or none of the layers can be pruned by them;
///   OutputError if the output cannot be written.
SampledReport prune_with_samples(
    const Checkpoint& input,
    const calibration::ModelLoader& load,
    std::vector<c10::IValue> inputs,
    const Recipe& recipe,
    const std::string& output,
    const SampledOptions& options);

} // namespace coppice::oneshot
