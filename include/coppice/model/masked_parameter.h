#pragma once

#include <torch/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

namespace coppice {

/// Errors: c10::ValueError if a mask cannot become part of `tensor`: it is not
///   defined, floating and dense, has no elements, was made in inference mode,
///   or is expanded, so that several elements share one place in memory.
void check_maskable(const torch::Tensor& tensor);

/// A tensor of a model under a mask. What the reference does with a
/// parametrization is done here in the tensor itself, because C++ modules have
/// none: it holds the effective weight (mask * original), the values that the
/// mask drops are kept aside, and their gradients are dropped once accumulated.
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

  /// The mask itself, which is not to be written to. On the parameter's device
  /// once `settle_in_pieces` was called.
  const torch::Tensor& present_mask() const;

  /// A copy of the weight with the dropped values put back.
  torch::Tensor original() const;

  /// A copy of the values that the mask drops, zero elsewhere.
  torch::Tensor dropped() const;

  /// Makes `mask` (kBool, the parameter's shape) the mask: newly dropped values
  /// are put aside and become zero, newly kept ones return. Returns whether the
  /// mask changed. `present_mask` itself changes nothing.
  ///
  /// Errors: c10::ValueError if the mask has another dtype or shape.
  bool set_mask(torch::Tensor mask);

  /// `set_mask` for a caller that has just settled the parameter: it reads the
  /// two masks, and of the parameter what changes.
  bool set_mask_of_settled(torch::Tensor mask);

  /// Sets the values kept aside, zero where the mask keeps.
  void set_dropped(const torch::Tensor& dropped);

  /// Takes up what was written to the parameter since the last call: a value
  /// written to a dropped entry is put aside, as a write to the reference's
  /// hidden original is, and the entry becomes zero again. Also follows the
  /// parameter to another device or dtype.
  void settle();

  /// The memory of the mask before the present one, for the next to take;
  /// undefined if there is none.
  torch::Tensor take_spare_mask() {
    return std::exchange(spare_mask_, {});
  }

  /// `settle` in pieces: the function settles elements [begin, end) of the
  /// parameter, from any thread, so that a caller that reads all of it anyway
  /// need not read it twice. A parameter that is not contiguous float32 on the
  /// CPU is settled whole by the piece that begins at 0. Valid until the
  /// parameter's mask, device or dtype changes.
  std::function<void(int64_t begin, int64_t end)> settle_in_pieces();

  /// Ends the masking: the zeros become the parameter's own values, the hook
  /// and the values kept aside go. The mask can still be read.
  void squash();

 private:
  struct State;

  void install_hook();
  void remove_hook();
  void follow_parameter();
  void ensure_dropped();
  void settle_whole();
  bool change_values(const torch::Tensor& new_mask);

  torch::Tensor parameter_;
  /// The mask and the hook on the gradient, which sees the mask too: a graph
  /// may outlive this object.
  std::shared_ptr<State> state_;
  torch::Tensor dropped_; ///< Undefined until something is dropped.
  torch::Tensor spare_mask_;
};

} // namespace coppice
