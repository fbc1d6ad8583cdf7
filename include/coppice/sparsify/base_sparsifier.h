#pragma once

#include <torch/optim/optimizer.h>

#include <functional>
#include <map>
#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "coppice/core/sparsity_levels.h"
#include "coppice/core/values.h"
#include "coppice/export.h"
#include "coppice/model/model_view.h"
#include "coppice/sparsify/sparsifier_options.h"

namespace coppice {

namespace sparsify {
class MaskedParameter;
class OptimizerProtection;
} // namespace sparsify

/// One tensor under a sparsifier with its options.
struct COPPICE_API Group {
  std::string tensor_fqn;  ///< "encoder.fc1.weight"
  std::string module_fqn;  ///< "encoder.fc1"
  std::string tensor_name; ///< "weight"
  SparsifierOptions options;

  /// State of the subclass for this tensor; saved with the mask.
  Values state;

  /// May be set by `update_mask`: what the weight becomes, in its shape, where
  /// the new mask keeps. Undefined, it stays as it is.
  torch::Tensor new_weight;

  /// The effective weight, mask * original: the tensor of the model.
  const torch::Tensor& weight() const;

  /// A copy of the mask: kBool, true means keep.
  torch::Tensor mask() const;

  /// A copy of the weight with the dropped values restored.
  torch::Tensor original() const;

 private:
  friend class BaseSparsifier;
  friend class WeightNormSparsifier;
  std::shared_ptr<sparsify::MaskedParameter> masked_;
};

/// What `BaseSparsifier::state_dict` returns: plain values, copies.
struct SparsifierState {
  /// Tensor FQN -> "mask" (kBool), "dropped" (the dropped values, zero
  /// elsewhere) and the subclass's `state`.
  std::map<std::string, Values> state;
  /// Options of every group and its "tensor_fqn", in the order of the groups.
  std::vector<Values> groups;
};

/// Decides which entries of a model's weights are zero, and keeps them zero.
///
/// The life cycle: `prepare`, then training and `step` in turn, then
/// `squash_mask`. A sparsifier of your own overrides `update_mask`:
///
///     class DropFirstRow : public coppice::BaseSparsifier {
///       torch::Tensor update_mask(coppice::Group& group) override {
///         auto mask = group.mask();
///         mask[0] = false;
///         return mask;
///       }
///     };
///
/// Every function has its full effect, or throws and changes nothing. Not
/// thread-safe.
///
/// Source: BaseSparsifier of torch.ao.pruning; docs/differences.md lists where
/// this one differs.
class COPPICE_API BaseSparsifier : public SparsityLevels {
 public:
  /// `defaults` hold for tensors whose configuration does not override them.
  explicit BaseSparsifier(SparsifierOptions defaults = {});
  ~BaseSparsifier() override;

  BaseSparsifier(const BaseSparsifier&) = delete;
  BaseSparsifier& operator=(const BaseSparsifier&) = delete;

  /// Puts the tensors of `config` under masks that keep everything (or the
  /// option "mask", a tensor of 0 and 1). Values do not change until `step`.
  /// The model needs no change: its parameters hold the effective weight.
  ///
  /// Errors: c10::ValueError if the sparsifier is already prepared, a tensor is
  ///   not in the model (the nearest name is given), named twice, not floating
  ///   or empty, an option is wrong for it, or `config` is empty.
  virtual void prepare(
      const ModelView& model,
      const std::vector<TensorConfig>& config);

  /// The same for the `weight` of every Linear layer, or every matrix of a
  /// plain table (`ModelView::default_tensor_fqns`).
  void prepare(const ModelView& model);

  /// Recomputes all masks and applies them. Does nothing while
  /// `enable_mask_update` is false.
  ///
  /// Errors: c10::ValueError before `prepare`, after `squash_mask`, or if a
  ///   tensor cannot be masked as asked; the message names it.
  virtual void step();

  /// Makes the masks part of the weights and detaches from the model. Options
  /// named in `params_to_keep`, and per module FQN in
  /// `params_to_keep_per_layer`, remain in `sparse_params`.
  ///
  /// Errors: c10::ValueError before `prepare`, a second time, or if a group
  ///   lacks such an option or the model such a module.
  virtual void squash_mask(
      const std::vector<std::string>& params_to_keep = {},
      const std::map<std::string, std::vector<std::string>>&
          params_to_keep_per_layer = {});

  /// The options kept by `squash_mask`, by module FQN.
  const std::map<std::string, Values>& sparse_params() const {
    return sparse_params_;
  }

  /// Keeps dropped weights exactly zero under `optimizer`, whatever its
  /// momentum or weight decay: clears its state where a mask drops, now and at
  /// every change of the masks. Supports all of LibTorch's optimizers. The
  /// optimizer must live until `squash_mask` or the end of the sparsifier.
  ///
  /// Errors: c10::ValueError before `prepare`; c10::TypeError for other
  ///   optimizers (call `apply_masks` after their steps).
  void protect(torch::optim::Optimizer& optimizer);

  /// Sets dropped weights to zero again after writes. A written value replaces
  /// the dropped one.
  void apply_masks();

  /// A copy of the mask of a tensor: kBool, true means keep.
  ///
  /// Errors: c10::ValueError if the sparsifier has no such tensor.
  torch::Tensor mask(const std::string& tensor_fqn) const;

  /// A copy of the weight of a tensor with the dropped values restored.
  torch::Tensor original(const std::string& tensor_fqn) const;

  /// A copy of masks, dropped values, options and the subclass's `state`.
  virtual SparsifierState state_dict() const;

  /// Loads what `state_dict` returned. The sparsifier must be prepared with at
  /// least the tensors of the state. If `strict`, tensors must be the same;
  /// else those that the model lacks are skipped.
  ///
  /// Errors: c10::ValueError before `prepare`, for tensors that are missing or
  ///   have another shape.
  virtual void load_state_dict(
      const SparsifierState& state,
      bool strict = true);

  /// If false, `step` does nothing. A scheduler's step sets it to true.
  void enable_mask_update(bool enabled) {
    enable_mask_update_ = enabled;
  }
  bool enable_mask_update() const {
    return enable_mask_update_;
  }

  /// The tensors under the sparsifier, in the order of the configuration.
  const std::vector<Group>& groups() const {
    return groups_;
  }

  /// Sets options of one tensor, on top of those it has.
  ///
  /// Errors: c10::ValueError if the sparsifier has no such tensor or an option
  ///   is wrong for it.
  void set_options(
      const std::string& tensor_fqn,
      const SparsifierOptions& options);

  const SparsifierOptions& defaults() const {
    return defaults_;
  }

  std::vector<double> sparsity_levels() const override;
  void set_sparsity_levels(const std::vector<double>& levels) override;
  int64_t step_count() const override {
    return step_count_;
  }

  /// Prints the class and every group as the reference does.
  virtual void pretty_print(std::ostream& stream) const;

 protected:
  /// The new mask of a tensor: one element for each of `group.weight()`, any
  /// dtype, the same shape; non-zero keeps. Runs without gradients. It must not
  /// change the model: masks, and weights in `group.new_weight`, are applied
  /// once those of all groups are known.
  virtual torch::Tensor update_mask(Group& group) = 0;

  /// Throws c10::ValueError if the options of `group` are invalid, whatever the
  /// weight's values. Called by `prepare`, `set_options` and `load_state_dict`.
  virtual void check_options(const Group& group) const;

  /// Throws c10::ValueError unless `level` is a fraction in [0, 1]. Levels from
  /// users are checked; those from schedulers may be outside, as in the
  /// reference, and masks clamp them.
  static void check_level(double level);

  /// `options` with the defaults of the class filled in, for printing, saving
  /// and `squash_mask`.
  virtual Values describe(const SparsifierOptions& options) const;

  /// The name of the class, for printing.
  virtual std::string name() const;

 private:
  friend class WeightNormSparsifier; // It has a faster `new_mask`.

  enum class Life { New, Prepared, Squashed };

  void require_prepared(const char* function) const;
  const Group& find_group(const std::string& tensor_fqn) const;
  void check_group(const Group& group) const;
  Group make_group(const ModelView& model, const TensorConfig& config) const;
  Values described(const Group& group) const;
  std::map<std::string, Values> collect_params(
      const std::vector<std::string>& params_to_keep,
      const std::map<std::string, std::vector<std::string>>& per_layer) const;
  std::vector<Group> loaded_groups(const SparsifierState& state, bool strict)
      const;
  SparsifierOptions loaded_options(const Values& values) const;
  virtual torch::Tensor new_mask(Group& group);
  /// `new_mask` of a group, and the weight that goes with it.
  std::pair<torch::Tensor, torch::Tensor> renewed(Group& group);
  void forget_dropped(const Group& group);

  SparsifierOptions defaults_;
  std::vector<Group> groups_;
  std::map<std::string, Values> sparse_params_;
  std::unique_ptr<sparsify::OptimizerProtection> protection_;
  Life life_ = Life::New;
  bool enable_mask_update_ = true;
  int64_t step_count_ = 0;
};

COPPICE_API std::ostream& operator<<(
    std::ostream& stream,
    const BaseSparsifier& sparsifier);

} // namespace coppice
