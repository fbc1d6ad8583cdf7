#pragma once

#include <torch/script.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "calibration/layer_survey.h"
#include "coppice/solve/solvers.h"
#include "oneshot/plan.h"
#include "oneshot/scratch_tensors.h"

namespace coppice::oneshot {

/// The solution of a part of a weight.
struct SolvedPart {
  FileTensor weight; ///< In the order of `in_order_of`.
  // Sums of squares, as of `SampledTarget`.
  double error = 0;
  double outputs = 0;
  // As of `Solved`:
  double dampening = 0;
  int64_t dead_inputs = 0;
};

/// A tensor of the checkpoint that is pruned by samples.
struct SampledTarget {
  size_t index = 0;     ///< In the checkpoint.
  PruneModifier rule;   ///< The recipe's, with the level of this tensor.
  torch::Tensor dense;  ///< The model's tensor.
  torch::Tensor pruned; ///< Undefined until solved; has the strides of `dense`.
  std::shared_ptr<const MappedFile> file; ///< Of `pruned`; may be null.
  // Sums of squares over its parts.
  double error = 0;
  double outputs = 0;
  // As of `Solved`:
  double dampening = 0;
  int64_t dead_inputs = 0;
};

/// `values` with the dtype and the strides of `place`, a part of a weight;
/// row-major if there are gaps between its elements.
torch::Tensor in_order_of(
    const torch::Tensor& place,
    const torch::Tensor& values);

/// The tensors that are pruned by samples, and the changes to the model.
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
  /// In the order of `all`.
  const std::vector<std::string>& names() const {
    return names_;
  }
  const StoredTensor& stored(size_t i) const {
    return plan_.tensor(targets_[i].index);
  }
  const PruneModifier& modifier(size_t i) const {
    return targets_[i].rule;
  }
  /// Whether target i was excluded by `leave`.
  bool is_left(size_t i) const {
    return plan_.tensors[targets_[i].index].modifier == nullptr;
  }
  void set_level(size_t i, double level) {
    targets_[i].rule.pattern.sparsity_level = level;
  }

  /// Excludes target i from pruning.
  void leave(size_t i, std::string reason);

  /// Stores the solution of a part of target i. `hold` moves a tensor that is
  /// composed of parts to a file.
  void keep(
      size_t i,
      const calibration::LayerPart& part,
      const SolvedPart& solved,
      const std::function<FileTensor(const torch::Tensor&)>& hold);

  void add_error(size_t i, double error, double outputs);

  /// Discards all solutions.
  void forget_solved();

  /// Means and variances of norms that were re-estimated, by name.
  void set_norms(std::map<std::string, torch::Tensor> norms) {
    norms_ = std::move(norms);
  }

  /// Writes all solutions so far into a newly loaded model.
  void change(torch::jit::Module& module) const;

  /// The changed tensors, by index in the checkpoint.
  std::map<size_t, torch::Tensor> changed() const;

 private:
  void leave_tensor(size_t index, std::string reason);

  CheckpointPlan plan_;
  std::vector<SampledTarget> targets_;
  std::vector<std::string> names_;
  std::map<std::string, torch::Tensor> norms_;
};

} // namespace coppice::oneshot
