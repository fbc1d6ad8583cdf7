#pragma once

#include <optional>
#include <string>
#include <vector>

#include "calibration/layer_survey.h"
#include "oneshot/prune_with_samples.h"
#include "oneshot/sampled_targets.h"
#include "oneshot/solved_parts.h"

namespace coppice::oneshot {

/// Solves the layers that read a source and stores them; takes those that an
/// ended run solved.
class SolvedSources {
 public:
  /// Takes what an ended run solved for `output`. Keeps references to the first
  /// three; adds the layers to the facts.
  ///
  /// Errors: as `SolvedParts`.
  SolvedSources(
      SampledTargets& targets,
      calibration::LayerSurvey& survey,
      const SampledOptions& options,
      const std::string& output,
      RunFacts facts);

  bool are_all() const;
  /// The size of the weights that are not solved.
  int64_t unsolved_bytes() const;

  /// Discards the solutions of the targets and takes what is stored, after the
  /// sources of the survey have changed.
  void take_over();

  /// Prunes the weights that read one source. `moments`, `cross`: as of
  /// `solve_layer`.
  ///
  /// Errors: c10::ValueError, with the tensor's name; OutputError.
  void solve(
      size_t source,
      const std::vector<SecondMoments>& moments,
      const std::vector<torch::Tensor>& cross);

  /// Removes the folder; the targets keep their solutions.
  void clear() {
    kept_.clear();
  }

 private:
  bool find(size_t source);
  void take(size_t source, const std::vector<SolvedPart>& solved);
  std::optional<SolvedPart> find_part(size_t part);
  SolvedPart solve_part(
      size_t part,
      const std::vector<SecondMoments>& moments,
      const std::vector<torch::Tensor>& cross) const;
  torch::Tensor place_of(size_t part) const;
  std::string fact_of(size_t part) const;
  std::string text_of(size_t part) const;
  RunFacts with_layers(RunFacts facts) const;
  void tell_kept() const;

  SampledTargets& targets_;
  calibration::LayerSurvey& survey_;
  const SampledOptions& options_;
  SolvedParts kept_;
};

} // namespace coppice::oneshot
