#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "calibration/output_change.h"
#include "coppice/oneshot/prune_checkpoint.h"
#include "oneshot/sample_use.h"
#include "oneshot/sensitivity.h"

namespace coppice::oneshot {

/// The amount of work, known before it begins.
struct SampledWork {
  int64_t layers = 0;  ///< Weights to prune; the parts of one count as one.
  int64_t samples = 0; ///< For calibration.
  int64_t held_back = 0;
  int64_t passes = 0; ///< Over the samples, to collect second moments.
  /// The most memory that second moments need at once, in bytes.
  int64_t moments_bytes = 0;
  /// The most memory observed while a batch ran, in bytes.
  int64_t batch_bytes = 0;
  /// Disk space that solved weights need until the output is written.
  int64_t scratch_bytes = 0;
  /// Layers that an ended run solved before.
  int64_t solved_before = 0;
};

struct SampledOptions : SampleUse {
  /// Prunes layer after layer: each is solved on its inputs in the pruned
  /// model, against the outputs of the dense one. Else all layers at once.
  bool sequential = false;
  bool recalibrate_norms = false;
  /// The costs for `Allocation::Measured`.
  std::optional<Sensitivity> measured;
  bool dry_run = false;
  std::function<void(const SampledWork&)> begin;
  /// Called when there are solved layers in a folder, from which a run with the
  /// same options resumes.
  std::function<void(const std::string& folder)> keeps;
};

/// A tensor pruned by samples.
struct SampledTensor {
  PruneMethod method = PruneMethod::Magnitude;
  /// Squared error of its layer's outputs over the squared outputs: on the
  /// calibration samples, or for methods that keep only the diagonal of the
  /// second moments on the samples of `change`.
  std::optional<double> error;
  double dampening = 0; ///< As of `Solved`.
  int64_t dead_inputs = 0;
};

struct SampledReport {
  PruneReport pruned;
  /// As `pruned.tensors`; empty for those that are not pruned.
  std::vector<std::optional<SampledTensor>> tensors;
  SampledWork work;
  std::vector<std::string> norms; ///< Tensors of norms that were re-estimated.
  calibration::OutputChange change;
};

/// Prunes the weights of a TorchScript archive by the inputs of its layers on
/// calibration samples, and writes a copy: as `prune_checkpoint`, but kept
/// weights may change. Every layer has the level that its rule allocates to it.
/// An eighth of the samples is held back, and the outputs of both models are
/// compared on them; on all if there are fewer than eight.
///
/// Solved layers are stored in a folder beside the output until that is
/// written. A run that ends before, other than by a c10::ValueError, leaves it
/// there, and one with the same options, input and samples resumes from it,
/// with the same result.
///
/// `load` loads the archive's model anew. `inputs`: as of `Samples`.
/// Errors: c10::ValueError as `prune_checkpoint`, `Samples` and
///   `allocated_levels`, if the model fails on the samples, or no layer can be
///   pruned by them, or the folder holds layers of another run; OutputError if
///   the output or a solved layer cannot be written.
SampledReport prune_with_samples(
    const Checkpoint& input,
    const calibration::ModelLoader& load,
    std::vector<c10::IValue> inputs,
    const Recipe& recipe,
    const std::string& output,
    const SampledOptions& options);

} // namespace coppice::oneshot
