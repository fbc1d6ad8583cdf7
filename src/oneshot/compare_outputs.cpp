#include "oneshot/compare_outputs.h"

#include <algorithm>

#include "calibration/tensors_by_memory.h"
#include "graph/op_watch.h"

namespace coppice::oneshot {
namespace {

using torch::Tensor;

double sum_of_squares(const Tensor& tensor) {
  return tensor.square().sum(torch::kDouble).item<double>();
}

/// Adds the output error of an op whose weight is pruned.
bool measure_errors(
    SampledTargets& targets,
    const calibration::LayerSurvey& survey,
    const calibration::TensorsByMemory& tensors,
    const char* name,
    graph::OpWatch::Inputs inputs) {
  const auto found = graph::weighted_calls(
      name, inputs, [&](const Tensor& x) { return tensors.find(x); });
  for (const auto& call : found.calls) {
    const auto i = calibration::part_of(survey, call, tensors.at(call.tensor));
    if (i < 0 ||
        survey.sources[survey.parts[i].source].kind ==
            SecondMoments::Kind::Full) {
      continue;
    }
    const auto after = survey.parts[i].of(targets.all()[call.tensor].pruned);
    targets.add_error(
        call.tensor,
        sum_of_squares(graph::output_of(call, after - call.weight)),
        sum_of_squares(graph::output_of(call, call.weight)));
  }
  return !found.calls.empty();
}

} // namespace

calibration::OutputChange compare_outputs(
    const calibration::ModelLoader& load,
    SampledTargets& targets,
    const calibration::LayerSurvey& survey,
    const calibration::Samples& samples,
    const calibration::SampleIndices& which,
    int64_t batch,
    const Tensor& labels,
    const std::function<void(int64_t)>& progress) {
  auto dense = load();
  auto pruned = load();
  targets.change(pruned);
  calibration::OutputComparison comparison(labels);
  const calibration::TensorsByMemory tensors(dense, targets.names());
  const auto count = static_cast<int64_t>(which.size());
  for (int64_t begin = 0; begin < count; begin += batch) {
    const auto end = std::min(begin + batch, count);
    const calibration::SampleIndices few(
        which.begin() + begin, which.begin() + end);
    c10::IValue before;
    {
      const graph::OpWatch watch([&](const char* name, auto inputs) {
        return measure_errors(targets, survey, tensors, name, inputs);
      });
      calibration::run_samples(
          dense, samples, few, batch, [&](auto, auto, c10::IValue x) {
            before = std::move(x);
          });
      watch.rethrow();
    }
    calibration::run_samples(
        pruned, samples, few, batch, [&](auto, auto, const auto& x) {
          comparison.add(before, x, few);
        });
    progress(end);
  }
  return comparison.change();
}

} // namespace coppice::oneshot
