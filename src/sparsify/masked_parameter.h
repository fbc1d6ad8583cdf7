#pragma once

#include <torch/types.h>

#include <cstdint>
#include <memory>

#include "coppice/masks/weight_norm.h"

namespace coppice::sparsify {

/// Errors: c10::ValueError if a mask cannot become part of `tensor`: it is not
///   defined, floating and dense, has no elements, was made in inference mode,
///   or is expanded, so that several elements share one place in memory.
void check_maskable(const torch::Tensor& tensor);

/// A tensor of a model under a mask. The reference uses a parametrization; C++
/// modules have none, so it is done in the tensor itself: it holds the
/// effective weight (mask * original), the values that the mask drops are kept
/// here, and their gradients are set to zero once accumulated.
///
/// Works for every module, also a user's own and TorchScript, with no change to
/// the model and no cost in its forward pass. Memory: a byte an element for the
/// mask, another for the one before it and, once something is dropped, a copy
/// of the weight.
///
/// Not thread-safe: a mask must not change while a backward pass runs.
class MaskedParameter {
 public:
  /// Puts `parameter` under a mask that keeps everything.
  ///
  /// Errors: c10::ValueError as `check_maskable`.
  explicit MaskedParameter(torch::Tensor parameter);

  /// Takes the hook off the gradient; the parameter keeps its effective weight.
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

  /// A copy of the weight with the dropped values put back.
  torch::Tensor original() const;

  /// A copy of the values that the mask drops, zero elsewhere.
  torch::Tensor dropped() const;

  /// A value that was written to a dropped entry becomes its dropped value, as
  /// a write to the reference's hidden original does, and the entry becomes
  /// zero again. Also follows the parameter to another device or dtype.
  void absorb_writes();

  /// `absorb_writes` and `weight_norm_mask` of the parameter, fused into one
  /// pass where possible. The result is for `set_mask` alone and not to be
  /// written to: it may be the mask in force.
  ///
  /// Errors: c10::ValueError as `weight_norm_mask`.
  torch::Tensor renewed_mask(const WeightNormPattern& pattern, Norm norm);

  /// Makes `mask` (kBool, the parameter's shape) the mask: newly dropped values
  /// become zero, newly kept ones return. Returns whether the mask changed.
  /// Writes to dropped entries must be absorbed before.
  ///
  /// Errors: c10::ValueError if the mask has another dtype or shape.
  bool set_mask(torch::Tensor mask);

  /// Sets the dropped values, zero where the mask keeps.
  void set_dropped(const torch::Tensor& dropped);

  /// Ends the masking: the zeros become the parameter's own values, the hook
  /// and the dropped values go. The mask can still be read.
  void squash();

 private:
  struct State;

  void install_hook();
  void remove_hook();
  void follow_parameter();
  void ensure_dropped();
  bool change_values(const torch::Tensor& new_mask);

  torch::Tensor parameter_;
  /// The mask and the hook on the gradient, which sees the mask too: a graph
  /// may outlive this object.
  std::shared_ptr<State> state_;
  torch::Tensor dropped_;    ///< Undefined until something is dropped.
  torch::Tensor spare_mask_; ///< The mask before, for its memory.
};

} // namespace coppice::sparsify
