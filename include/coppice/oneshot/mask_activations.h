#pragma once

#include <torch/types.h>

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
  /// The share of a layer's reduced activation that is masked, 0 to 1.
  double sparsity_level = 0.5;
  /// Samples that the model sees at once.
  int64_t batch = 32;
  std::string aggregate = "sum"; ///< As `aggregate_function` knows it.
  std::string reduce = "mean";   ///< As `reduce_function` knows it.
  /// Masks only these indices along `feature_dim`, each by itself.
  std::optional<std::vector<int64_t>> features;
  std::optional<int64_t> feature_dim;
  /// Leaves the masks in activation sites, which Coppice can change again, not
  /// in the graph as constants, which any LibTorch runs.
  bool sites = false;
  /// Called as work goes on, with samples done and samples in all.
  std::function<void(int64_t done, int64_t total)> progress;
};

/// What became of one layer's input.
struct MaskedActivation {
  std::string layer; ///< FQN.
  /// Why it was left as it is; empty if it was masked.
  std::string left_because;
  // Of masked ones, over all samples:
  std::vector<int64_t> shape; ///< Of the activation, without the samples.
  double zeros_before = 0; ///< Share of elements that were zero by themselves.
  double masked = 0;       ///< Share of elements that the mask drops.
  double energy_kept = 0;  ///< Share of the sum of squares that remains.
};

/// Runs a model on calibration samples, gathers what enters the chosen layers,
/// and masks what is smallest: the `round(level * elements)` elements of least
/// magnitude (half to even, the lower index first) of what was gathered,
/// reduced over the samples. The model runs without gradients and as in
/// evaluation; `module` itself is not changed.
///
/// `inputs`: a tensor for each of the inputs of `forward`, whose dimension 0 is
///   the samples; one without dimensions is given to every batch as it is.
///   A model that has other inputs takes their defaults.
/// `masked` becomes a clone of `module` that shares its parameters.
/// A layer that a glob chose and that never ran, or took no floating tensor, is
///   left; one that was named is an error.
/// Errors: c10::ValueError if a name matches no layer (the nearest is given),
///   the inputs are not those of the model, no layer is left to mask, or an
///   option is wrong; what the model itself throws.
/// Source: the workflow of ActivationSparsifier.
COPPICE_API std::vector<MaskedActivation> mask_activations(
    const torch::jit::Module& module,
    const std::vector<torch::Tensor>& inputs,
    const MaskActivationsOptions& options,
    torch::jit::Module& masked);

} // namespace coppice
