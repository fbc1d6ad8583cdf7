#include "calibration/paired_moments.h"

#include <algorithm>

#include "calibration/op_moments.h"
#include "calibration/tensors_by_memory.h"
#include "graph/op_watch.h"

namespace coppice::calibration {
namespace {

using graph::WeightedCall;
using torch::Tensor;

/// A model that records the inputs of one of its layers.
class WatchedModel {
 public:
  WatchedModel(
      torch::jit::Module module,
      const std::vector<std::string>& names,
      const LayerSurvey& survey,
      size_t source)
      : module_(std::move(module)),
        tensors_(module_, names),
        survey_(survey),
        part_(survey.sources[source].parts.front()) {}

  /// The calls of a run. Inputs are copied: later ops may write to them.
  std::vector<WeightedCall>
  run(const Samples& samples, const SampleIndices& which, int64_t batch) {
    std::vector<WeightedCall> calls;
    const graph::OpWatch watch([&](const char* name, auto inputs) {
      const auto found = graph::weighted_calls(
          name, inputs, [&](const Tensor& x) { return tensors_.find(x); });
      for (const auto& call : found.calls) {
        const auto& tensor = tensors_.at(call.tensor);
        if (part_of(survey_, call, tensor) == static_cast<int64_t>(part_)) {
          calls.push_back(call);
          calls.back().input = call.input.clone();
        }
      }
      return !found.calls.empty();
    });
    run_samples(module_, samples, which, batch, [](auto, auto, auto) {});
    watch.rethrow();
    return calls;
  }

 private:
  torch::jit::Module module_;
  TensorsByMemory tensors_;
  const LayerSurvey& survey_;
  size_t part_;
};

void add_pair(
    PairedMoments& moments,
    const WeightedCall& now,
    const WeightedCall& before) {
  if (now.is_conv) {
    add_cross_patches(
        moments.cross, now.input, before.input, patch_options(now));
  } else {
    moments.cross.front().add_(cross_moments(now.input, before.input));
  }
}

bool are_pairs(
    const std::vector<WeightedCall>& now,
    const std::vector<WeightedCall>& before) {
  return std::equal(
      now.begin(),
      now.end(),
      before.begin(),
      before.end(),
      [](const auto& a, const auto& b) {
        return a.input.sizes() == b.input.sizes();
      });
}

} // namespace

PairedMoments paired_moments(
    const ModelLoader& load,
    const std::function<void(torch::jit::Module&)>& change,
    const std::vector<std::string>& names,
    const LayerSurvey& survey,
    size_t source,
    const Samples& samples,
    const SampleIndices& which,
    int64_t batch,
    const std::function<void(int64_t)>& progress) {
  WatchedModel dense(load(), names, survey, source);
  auto module = load();
  change(module);
  WatchedModel pruned(std::move(module), names, survey, source);
  const auto& read = survey.sources[source];
  PairedMoments moments;
  moments.now = read.moments();
  const bool needs_cross = read.kind == SecondMoments::Kind::Full;
  for (int64_t i = 0; needs_cross && i < read.groups; ++i) {
    moments.cross.push_back(
        torch::zeros({read.features(), read.features()}, torch::kDouble));
  }
  const auto count = static_cast<int64_t>(which.size());
  for (int64_t begin = 0; begin < count; begin += batch) {
    const auto end = std::min(begin + batch, count);
    const SampleIndices few(which.begin() + begin, which.begin() + end);
    const auto now = pruned.run(samples, few, batch);
    for (const auto& call : now) {
      add_inputs(moments.now, call);
    }
    if (!moments.cross.empty()) {
      const auto before = dense.run(samples, few, batch);
      if (are_pairs(now, before)) {
        for (size_t i = 0; i < now.size(); ++i) {
          add_pair(moments, now[i], before[i]);
        }
      } else {
        moments.cross.clear();
      }
    }
    progress(end);
  }
  return moments;
}

} // namespace coppice::calibration
