#pragma once

#include <torch/types.h>

#include <memory>
#include <string>

namespace coppice {

/// A tensor of a model under a mask. What the reference does with a
/// parametrization is done here in the parameter itself, because C++ modules
/// have none: the tensor holds the effective weight (mask * original), the
/// values that the mask drops are kept aside, and a gradient hook drops their
/// gradients.
///
/// Not thread-safe: masks must not change while a backward pass runs.
class MaskedParameter {
 public:
  /// Puts `parameter` under a mask that keeps everything.
  ///
  /// Errors: c10::ValueError if the tensor is not floating, not dense or empty.
  explicit MaskedParameter(torch::Tensor parameter);

  /// Takes the gradient hook away; the parameter keeps its effective weight.
  ~MaskedParameter();

  MaskedParameter(const MaskedParameter&) = delete;
  MaskedParameter& operator=(const MaskedParameter&) = delete;

  /// The tensor of the model: the effective weight, exactly zero where dropped.
  const torch::Tensor& parameter() const {
    return parameter_;
  }

  /// kBool, the shape and device of the parameter; true means keep. Read it;
  /// change it through `set_mask`.
  torch::Tensor mask() const;

  /// The weight with the dropped values put back, a new tensor.
  torch::Tensor original() const;

  /// Makes `mask` (kBool, the parameter's shape) the mask: newly dropped values
  /// are put aside and become zero, newly kept ones return.
  void set_mask(const torch::Tensor& mask);

  /// Replaces the whole original; the parameter becomes mask * `original`.
  void set_original(const torch::Tensor& original);

  /// Takes up what was written to the parameter since the last call: a value
  /// written to a dropped entry is put aside, as a write to the reference's
  /// hidden original is, and the entry becomes zero again. Also moves the mask
  /// after the parameter when it changed device or dtype.
  void settle();

  /// Ends the masking: the zeros become the parameter's own values, and the
  /// gradient hook and the values kept aside go.
  void squash();

 private:
  struct Mask;

  void install_hook();
  void remove_hook();
  void ensure_dropped();

  torch::Tensor parameter_;
  /// Shared with the gradient hook, which may outlive this object in a graph.
  std::shared_ptr<Mask> mask_;
  torch::Tensor dropped_; ///< Originals where dropped; undefined before the first.
  int64_t settled_version_ = -1;
  void* settled_data_ = nullptr;
  unsigned hook_ = 0;
  bool hooked_ = false;
};

} // namespace coppice
