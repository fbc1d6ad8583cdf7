#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "oneshot/prune_with_samples.h"
#include "oneshot/sensitivity.h"

namespace coppice::oneshot {

struct AnalysisOptions : SampleUse {
  std::vector<double> levels; ///< Rising, each in (0, 1].
  std::function<void(const SampledWork&)> begin;
  /// Called as layers are pruned and the model runs: the layer and level, and
  /// the progress of all of them.
  std::function<
      void(const std::string& layer, double level, int64_t done, int64_t total)>
      measuring;
};

struct AnalysisReport {
  Sensitivity sensitivity;
  SampledWork work;
  /// Tensors that are not pruned, and why.
  std::vector<std::pair<std::string, std::string>> left;
};

/// Prunes each layer of a TorchScript archive alone, at each of some levels and
/// by the recipe's methods, and compares the model's outputs with those of the
/// dense model on the samples that are held back (see `prune_with_samples`).
/// Writes no file.
///
/// Memory: one layer at all levels, besides what `prune_with_samples` needs.
/// Errors: c10::ValueError as `prune_with_samples`, if a rule has a pattern
/// N:M,
///   or the levels do not rise or are not in (0, 1].
AnalysisReport measure_sensitivity(
    const Checkpoint& input,
    const calibration::ModelLoader& load,
    std::vector<c10::IValue> inputs,
    const Recipe& recipe,
    const AnalysisOptions& options);

} // namespace coppice::oneshot
