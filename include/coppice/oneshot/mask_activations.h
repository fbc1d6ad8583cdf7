#pragma once

#include <ATen/core/ivalue.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "coppice/export.h"

namespace torch::jit {
struct Module;
}

namespace coppice {

/// Options of `mask_activations`.
struct MaskActivationsOptions {
  /// Names of layers, or globs.
  std::vector<std::string> layers;
  /// Fraction of a layer's reduced activation that is masked, 0 to 1.
  double sparsity_level = 0.5;
  /// Samples per run of the model.
  int64_t batch = 32;
  std::string aggregate = "sum"; ///< As `aggregate_function` knows it.
  std::string reduce = "mean";   ///< As `reduce_function` knows it.
  /// Masks only these indices along `feature_dim`, each separately.
  std::optional<std::vector<int64_t>> features;
  std::optional<int64_t> feature_dim;
  /// Keeps the masks in activation sites, which Coppice can change later. Else
  /// they become constants of the graph, which run on any LibTorch.
  bool sites = false;
  /// Called during work with samples done and samples in total.
  std::function<void(int64_t done, int64_t total)> progress;
};

/// The result for one layer's input.
struct MaskedActivation {
  std::string layer; ///< FQN.
  /// Why it was not masked; empty if it was.
  std::string left_because;
  // If it was masked, over all samples:
  std::vector<int64_t> shape; ///< Of the input, without dimension 0.
  double zeros_before = 0;    ///< Fraction of elements that were zero before.
  double masked = 0;          ///< Fraction of elements that the mask drops.
  double energy_kept = 0;     ///< Fraction of the sum of squares that remains.
};

/// Runs a model on calibration samples, aggregates the inputs of the chosen
/// layers over batches, reduces them over samples, and masks the
/// `round(level * elements)` elements of lowest magnitude (half to even). The
/// model runs in evaluation mode without gradients; `module` is not changed.
///
/// Inputs: `inputs` are those of `forward`; dimension 0 of their tensors, also
///   of those in tuples, lists and dictionaries, is the samples. Tensors
///   without dimensions, and values that are no tensors, go to every batch
///   unchanged. Missing inputs take their defaults.
/// Output: `masked` becomes a clone of `module` that shares its parameters.
/// Ties: the lower index is masked.
/// A layer that never ran or got no floating tensor is skipped if a glob
/// matched it, and an error if it was named.
/// Errors: c10::ValueError if a name matches no layer (the nearest is given),
///   the inputs do not fit the model, there is no layer to mask, or an option
///   is out of range; what the model itself throws.
/// Source: the workflow of ActivationSparsifier.
COPPICE_API std::vector<MaskedActivation> mask_activations(
    const torch::jit::Module& module,
    const std::vector<c10::IValue>& inputs,
    const MaskActivationsOptions& options,
    torch::jit::Module& masked);

} // namespace coppice
