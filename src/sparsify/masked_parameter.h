#pragma once

#include <torch/types.h>

#include <cstdint>
#include <memory>

#include "coppice/masks/weight_norm.h"

namespace coppice::sparsify {

/// Errors: c10::ValueError if `tensor` cannot be masked: it is undefined, not
///   floating, not dense, empty, made in inference mode, or expanded, so that
///   several elements share memory.
void check_maskable(const torch::Tensor& tensor);

/// A tensor of a model under a mask. The reference uses a parametrization,
/// which C++ modules lack. Here the tensor itself holds the effective weight
/// (mask * original), dropped values are kept in this object, and their
/// gradients are set to zero after accumulation.
///
/// Works for every module, also for TorchScript, without a change to the model
/// or a cost in its forward pass. Memory: two bytes per element for the mask
/// and the previous one and, once something is dropped, a copy of the weight.
///
/// Not thread-safe: a mask must not change while a backward pass runs.
class MaskedParameter {
 public:
  /// Masks `parameter` and keeps everything.
  ///
  /// Errors: c10::ValueError as `check_maskable`.
  explicit MaskedParameter(torch::Tensor parameter);

  /// Removes the gradient hook; the parameter keeps its effective weight.
  ~MaskedParameter();

  MaskedParameter(const MaskedParameter&) = delete;
  MaskedParameter& operator=(const MaskedParameter&) = delete;

  /// The tensor of the model: the effective weight, exactly zero where dropped.
  const torch::Tensor& parameter() const {
    return parameter_;
  }

  /// A copy of the mask: kBool, the shape and device of the parameter; true
  /// means keep.
  torch::Tensor mask() const;

  /// A copy of the weight with the dropped values restored.
  torch::Tensor original() const;

  /// A copy of the dropped values, zero elsewhere.
  torch::Tensor dropped() const;

  /// A value written to a dropped entry becomes its dropped value, as a write
  /// to the reference's original does, and the entry becomes zero again. Also
  /// follows the parameter to another device or dtype.
  void absorb_writes();

  /// `absorb_writes` and `weight_norm_mask` of the parameter, fused into one
  /// pass where possible. Only for `set_mask`, and read-only: it may be the
  /// current mask.
  ///
  /// Errors: c10::ValueError as `weight_norm_mask`.
  torch::Tensor renewed_mask(const WeightNormPattern& pattern, Norm norm);

  /// Sets the mask (kBool, the parameter's shape): newly dropped values become
  /// zero, newly kept ones return. Returns whether the mask changed. Call
  /// `absorb_writes` before.
  ///
  /// Errors: c10::ValueError if the mask has another dtype or shape.
  bool set_mask(torch::Tensor mask);

  /// Sets the entries that the mask keeps to those of `weight`, which has the
  /// parameter's shape; the others stay zero.
  void set_kept(const torch::Tensor& weight);

  /// Sets the dropped values; ignored where the mask keeps.
  void set_dropped(const torch::Tensor& dropped);

  /// Ends masking: zeros stay in the parameter, the hook and the dropped values
  /// are removed. The mask can still be read.
  void squash();

 private:
  struct State;

  void install_hook();
  void remove_hook();
  void follow_parameter();
  void ensure_dropped();
  bool change_values(const torch::Tensor& new_mask);

  torch::Tensor parameter_;
  /// The mask and the gradient hook. Shared, as a graph may outlive this
  /// object.
  std::shared_ptr<State> state_;
  torch::Tensor dropped_;    ///< Undefined until something is dropped.
  torch::Tensor spare_mask_; ///< The previous mask, to reuse its memory.
};

} // namespace coppice::sparsify
