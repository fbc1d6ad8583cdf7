#pragma once

#include <torch/script.h>

#include <map>
#include <string>
#include <vector>

#include "calibration/layer_survey.h"
#include "coppice/solve/solvers.h"
#include "oneshot/plan.h"

namespace coppice::oneshot {

/// A tensor of the checkpoint that samples prune.
struct SampledTarget {
  size_t index = 0;     ///< In the checkpoint.
  torch::Tensor dense;  ///< The model's own.
  torch::Tensor pruned; ///< Undefined until it is solved; strides of `dense`.
  // Sums over its parts, of squares:
  double error = 0;
  double outputs = 0;
  // As of `Solved`:
  double dampening = 0;
  int64_t dead_inputs = 0;
};

/// The tensors of a model that samples prune, and what becomes of the model.
class SampledTargets {
 public:
  /// `module` is the checkpoint's model; it never runs.
  SampledTargets(CheckpointPlan plan, const torch::jit::Module& module);

  const CheckpointPlan& plan() const {
    return plan_;
  }
  const std::vector<SampledTarget>& all() const {
    return targets_;
  }
  /// Of the targets, in their order.
  const std::vector<std::string>& names() const {
    return names_;
  }
  const StoredTensor& stored(size_t i) const {
    return plan_.tensor(targets_[i].index);
  }
  const PruneModifier& modifier(size_t i) const {
    return *plan_.tensors[targets_[i].index].modifier;
  }

  /// Target i is left after all.
  void leave(size_t i, std::string reason);

  /// Takes over what a solver made of a part of target i.
  void keep(size_t i, const calibration::LayerPart& part, const Solved& solved);

  void add_error(size_t i, double error, double outputs);

  /// As before anything was solved.
  void forget_solved();

  /// Means and variances of norms that were re-estimated, by name.
  void set_norms(std::map<std::string, torch::Tensor> norms) {
    norms_ = std::move(norms);
  }

  /// Gives a newly loaded model what was solved so far.
  void change(torch::jit::Module& module) const;

  /// What differs from the checkpoint, by place in it.
  std::map<size_t, torch::Tensor> changed() const;

 private:
  void leave_tensor(size_t index, std::string reason);

  CheckpointPlan plan_;
  std::vector<SampledTarget> targets_;
  std::vector<std::string> names_;
  std::map<std::string, torch::Tensor> norms_;
};

} // namespace coppice::oneshot
