#include "calibration/dense_outputs.h"

#include <algorithm>
#include <utility>

#include "graph/map_tensors.h"

namespace coppice::calibration {
namespace {

int64_t nbytes_of(const c10::IValue& output) {
  int64_t bytes = 0;
  graph::map_tensors(output, [&](const torch::Tensor& tensor) {
    bytes += tensor.defined() ? static_cast<int64_t>(tensor.nbytes()) : 0;
    return tensor;
  });
  return bytes;
}

} // namespace

DenseOutputs::DenseOutputs(
    const ModelLoader& load,
    const Samples& samples,
    const SampleIndices& which,
    int64_t batch,
    int64_t most_bytes)
    : load_(load),
      samples_(samples),
      which_(which),
      batch_(batch),
      room_(most_bytes) {}

int64_t DenseOutputs::batches() const {
  return (static_cast<int64_t>(which_.size()) + batch_ - 1) / batch_;
}

SampleIndices DenseOutputs::batch_at(int64_t begin, int64_t end) const {
  return {which_.begin() + begin, which_.begin() + end};
}

void DenseOutputs::for_each(const Take& take) {
  if (static_cast<int64_t>(kept_.size()) < batches()) {
    run(take);
    return;
  }
  const auto count = static_cast<int64_t>(which_.size());
  for (int64_t i = 0; i < batches(); ++i) {
    take(
        batch_at(i * batch_, std::min((i + 1) * batch_, count)),
        kept_[static_cast<size_t>(i)]);
  }
}

void DenseOutputs::run(const Take& take) {
  kept_.clear();
  auto module = load_();
  run_samples(
      module,
      samples_,
      which_,
      batch_,
      [&](int64_t begin, int64_t end, const c10::IValue& output) {
        keep(output);
        take(batch_at(begin, end), output);
      });
}

void DenseOutputs::keep(const c10::IValue& output) {
  if (room_ >= 0) {
    room_ -= nbytes_of(output);
    kept_.push_back(graph::copy_of(output));
  }
  if (room_ < 0) {
    kept_.clear();
  }
}

} // namespace coppice::calibration
