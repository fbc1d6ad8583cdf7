#pragma once

#include <torch/script.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace coppice::calibration {

/// Gives the model as its file has it, newly loaded.
using ModelLoader = std::function<torch::jit::Module()>;

/// Indices of samples, ascending.
using SampleIndices = std::vector<int64_t>;

/// Calibration samples: the inputs of a model, of whose tensors dimension 0
/// counts samples, also of those in tuples, lists and dictionaries. Tensors
/// without dimensions and what is no tensor are the same for all samples.
class Samples {
 public:
  /// `are_single`: the model takes one sample at a time, without dimension 0.
  /// Errors: c10::ValueError if there are no samples, tensors differ in their
  ///   number, a value is NaN or infinite, or the model has no `forward` or
  ///   takes gradients in it.
  Samples(
      const torch::jit::Module& module,
      std::vector<c10::IValue> inputs,
      bool are_single);

  int64_t count() const {
    return count_;
  }

  /// The inputs of samples [begin, end) of `which`: copies, as a model may
  /// write to its inputs.
  std::vector<c10::IValue>
  batch(const SampleIndices& which, int64_t begin, int64_t end) const;

  /// As many as the model may take at once, of a wanted number.
  int64_t batch_of(int64_t wanted) const {
    return are_single_ ? 1 : wanted;
  }

 private:
  std::vector<c10::IValue> inputs_;
  bool are_single_ = false;
  int64_t count_ = -1;
};

/// Whether a method of a model, or of one within it, has an op of that name.
bool has_op(const torch::jit::Module& module, const char* name);

/// Runs a model on samples, a batch at a time: without gradients, in
/// evaluation, its ops one by one as its code says. `take` gets what it gives.
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
