#pragma once

#include <torch/types.h>

#include <map>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "coppice/core/sparsity_levels.h"
#include "coppice/core/values.h"
#include "coppice/export.h"
#include "coppice/sparsify/data_group.h"
#include "coppice/sparsify/sparsifier_options.h"

namespace coppice {

/// What `BaseDataSparsifier::state_dict` returns: plain values, copies, under
/// the reference's names and keys.
struct DataSparsifierState {
  /// Name -> "mask" (kBool) and the subclass's `state`.
  std::map<std::string, Values> state;
  /// Name and options of every group, in the order of the groups.
  std::vector<std::pair<std::string, Values>> data_groups;
  /// "parametrizations.NAME.original" -> the original values, or "NAME" -> the
  /// values after `squash_mask`.
  std::map<std::string, torch::Tensor> container;
};

/// Decides which entries of named tensors are zero: embedding tables, loose
/// tensors, parameters that belong to no layer.
///
/// Its tensors keep their original values until `squash_mask`, and later edits
/// of them count; masked values are computed on access. So, unlike with
/// `BaseSparsifier`, masks are always chosen from the original values. A data
/// sparsifier of your own overrides `update_mask`:
///
///     class DropFirstRow : public coppice::BaseDataSparsifier {
///       torch::Tensor update_mask(coppice::DataGroup& group) override {
///         auto mask = group.mask.clone();
///         mask[0] = false;
///         return mask;
///       }
///     };
///
/// Every function has its full effect, or throws and changes nothing. Not
/// thread-safe.
///
/// Source: BaseDataSparsifier of torch.ao.pruning; docs/differences.md lists
/// where this one differs.
class COPPICE_API BaseDataSparsifier : public SparsityLevels {
 public:
  /// `defaults` hold for all data that is not added with other options.
  explicit BaseDataSparsifier(SparsifierOptions defaults = {});

  /// The same, and adds all of `data_list`. A subclass that overrides
  /// `check_options` adds data in its own constructor instead: virtual calls
  /// here do not reach it.
  explicit BaseDataSparsifier(
      const std::vector<NamedData>& data_list,
      SparsifierOptions defaults = {});

  BaseDataSparsifier(const BaseDataSparsifier&) = delete;
  BaseDataSparsifier& operator=(const BaseDataSparsifier&) = delete;

  /// Puts `data` under a mask that keeps everything (or the option "mask", a
  /// tensor of 0 and 1), with `options` on top of the defaults. Returns the
  /// masked values.
  ///
  /// Data of this name is replaced, with a warning, and stays unmasked. The new
  /// data takes its place in the order, with `options` on top of the old ones,
  /// and with the old mask if `reuse_mask` is true and `options` has no mask.
  /// The subclass's `state` is cleared.
  ///
  /// Errors: c10::ValueError if the name is empty or has a dot, data of this
  ///   name was squashed, the tensor cannot be masked (it is empty, not
  ///   floating, not dense, expanded or made in inference mode), its shape is
  ///   not that of the mask to reuse or in `options`, or an option is wrong for
  ///   it.
  torch::Tensor add_data(
      const std::string& name,
      const Data& data,
      bool reuse_mask = true,
      const SparsifierOptions& options = {});

  /// The tensor that was added, or, without `return_original`, the masked
  /// values, a new tensor at every call.
  ///
  /// Errors: c10::ValueError if there is no data of this name (the nearest name
  ///   is given), or its original was asked for after `squash_mask`.
  torch::Tensor get_data(const std::string& name, bool return_original = true)
      const;

  /// A copy of the mask, also after `squash_mask`: kBool, the shape of the
  /// data; true means keep.
  ///
  /// Errors: c10::ValueError if there is no data of this name.
  torch::Tensor get_mask(const std::string& name) const;

  /// Recomputes the masks of all data that is not squashed, from the
  /// original values. Does nothing while `enable_mask_update` is false.
  ///
  /// Errors: c10::ValueError if all data was squashed, or some cannot be masked
  ///   as asked; the message names it.
  void step();

  /// Applies the masks to the data in place and ends masking. Without
  /// `leave_parametrized` the data keeps its original values. Squashes `names`,
  /// or all data that is not squashed.
  ///
  /// Errors: c10::ValueError if there is no data of a name, or nothing to
  ///   squash because it was squashed before.
  void squash_mask(
      bool leave_parametrized = true,
      const std::vector<std::string>& names = {});

  /// A copy of masks, values, options and the subclass's `state`, without the
  /// defaults.
  DataSparsifierState state_dict() const;

  /// Loads what `state_dict` returned. Values are copied into the tensors of
  /// the same names, which stay shared with the caller; data that the
  /// sparsifier does not have is added as new tensors. Masks may be sparse, as
  /// the reference's are. If `strict`, other data of the sparsifier is removed
  /// and keeps its original values; else it stays.
  ///
  /// Errors: c10::ValueError if a name has no mask, options or values in the
  ///   state, or data and state differ in shape.
  void load_state_dict(const DataSparsifierState& state, bool strict = true);

  /// If false, `step` does nothing. A scheduler's step sets it to true.
  void enable_mask_update(bool enabled) {
    enable_mask_update_ = enabled;
  }
  bool enable_mask_update() const {
    return enable_mask_update_;
  }

  /// All data, in the order in which its names were first added.
  const std::vector<DataGroup>& data_groups() const {
    return groups_;
  }

  /// Sets options of one tensor, on top of those it has.
  ///
  /// Errors: c10::ValueError if there is no data of this name or an option is
  ///   wrong for it.
  void set_options(const std::string& name, const SparsifierOptions& options);

  /// Sets one option of all data, one value each in the order of `data_groups`,
  /// as schedules do. A sparsity level may be outside [0, 1].
  ///
  /// Errors: c10::ValueError if there are not as many values as data or one is
  ///   wrong.
  void set_option(
      const std::string& option,
      const std::vector<c10::IValue>& values);

  /// All options of one tensor, with the defaults of the class filled in.
  ///
  /// Errors: c10::ValueError if there is no data of this name.
  Values options(const std::string& name) const;

  const SparsifierOptions& defaults() const {
    return defaults_;
  }

  /// The levels of all data, also of what was squashed.
  std::vector<double> sparsity_levels() const override;
  void set_sparsity_levels(const std::vector<double>& levels) override;
  int64_t step_count() const override {
    return step_count_;
  }

  /// Prints the class and every group as the reference does.
  virtual void pretty_print(std::ostream& stream) const;

 protected:
  /// The new mask of a tensor: one element for each of `group.data`, any dtype,
  /// the same shape; non-zero keeps. Runs without gradients. It must not write
  /// to the data.
  virtual torch::Tensor update_mask(DataGroup& group) = 0;

  /// Throws c10::ValueError if the options of `group` are invalid, whatever the
  /// data's values. Called wherever options or data are set. Levels from users
  /// are checked before; those from schedulers may be outside [0, 1], as in the
  /// reference, and masks clamp them.
  virtual void check_options(const DataGroup& group) const;

  /// `options` with the defaults of the class filled in, for printing and
  /// saving.
  virtual Values describe(const SparsifierOptions& options) const;

  /// The name of the class, for printing.
  virtual std::string name() const;

 private:
  const DataGroup* find_group(const std::string& name) const;
  const DataGroup& group_of(const char* function, const std::string& name)
      const;
  DataGroup make_group(
      const std::string& name,
      const torch::Tensor& data,
      const DataGroup* old,
      bool reuse_mask,
      const SparsifierOptions& options) const;
  torch::Tensor new_mask(DataGroup& group);
  std::vector<size_t> groups_to_squash(
      const std::vector<std::string>& names) const;
  DataGroup loaded_group(
      const std::string& name,
      const Values& options,
      const DataSparsifierState& state) const;

  SparsifierOptions defaults_;
  std::vector<DataGroup> groups_;
  bool enable_mask_update_ = true;
  int64_t step_count_ = 0;
};

COPPICE_API std::ostream& operator<<(
    std::ostream& stream,
    const BaseDataSparsifier& sparsifier);

} // namespace coppice
