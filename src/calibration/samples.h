#pragma once

#include <torch/script.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace coppice::calibration {

/// Loads the model anew from its file.
using ModelLoader = std::function<torch::jit::Module()>;

/// Indices of samples, ascending.
using SampleIndices = std::vector<int64_t>;

/// Calibration samples: the inputs of a model. Dimension 0 of each tensor, also
/// within tuples, lists and dictionaries, counts samples. Tensors without
/// dimensions and other values are the same for all samples.
class Samples {
 public:
  /// `are_single`: the model takes one sample at a time, without dimension 0.
  /// Errors: c10::ValueError if there are no samples, tensors differ in their
  ///   number, a value is NaN or infinite, or the model has no `forward` or
  ///   computes gradients in it.
  Samples(
      const torch::jit::Module& module,
      std::vector<c10::IValue> inputs,
      bool are_single);

  int64_t count() const {
    return count_;
  }

  /// The inputs of samples [begin, end) of `which`, copied, as a model may
  /// write to its inputs.
  std::vector<c10::IValue>
  batch(const SampleIndices& which, int64_t begin, int64_t end) const;

  /// As they were given.
  const std::vector<c10::IValue>& inputs() const {
    return inputs_;
  }

  /// The batch size for a wanted one: 1 for a model of single samples.
  int64_t batch_of(int64_t wanted) const {
    return are_single_ ? 1 : wanted;
  }

 private:
  std::vector<c10::IValue> inputs_;
  bool are_single_ = false;
  int64_t count_ = -1;
};

/// Whether a method of the model or a submodule has an op of that name.
bool has_op(const torch::jit::Module& module, const char* name);

/// Runs a model on samples, batch by batch: without gradients, in evaluation
/// mode, op by op without fusion. `take` gets each output.
///
/// Errors: c10::ValueError, one sentence that names the samples, if it fails.
void run_samples(
    torch::jit::Module& module,
    const Samples& samples,
    const SampleIndices& which,
    int64_t batch,
    const std::function<void(int64_t begin, int64_t end, c10::IValue output)>&
        take);

} // namespace coppice::calibration
