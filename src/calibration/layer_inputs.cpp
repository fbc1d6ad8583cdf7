#include "calibration/layer_inputs.h"

#include <c10/util/Exception.h>

#include "calibration/input_ids.h"
#include "calibration/op_moments.h"
#include "calibration/tensors_by_memory.h"
#include "graph/op_watch.h"

namespace coppice::calibration {

using graph::WeightedCall;
using torch::Tensor;

namespace {

/// Adds the inputs of layers to their second moments.
class MomentsCollector {
 public:
  MomentsCollector(const LayerSurvey& survey, size_t first, size_t last)
      : survey_(survey), first_(first), reads_(survey.parts.size()) {
    for (size_t i = first; i < last; ++i) {
      moments_.push_back(survey.sources[i].moments());
    }
  }

  bool take(
      const TensorsByMemory& tensors,
      const char* name,
      graph::OpWatch::Inputs inputs) {
    const auto found = graph::weighted_calls(
        name, inputs, [&](const Tensor& x) { return tensors.find(x); });
    for (const auto& call : found.calls) {
      if (!survey_.left_because[call.tensor].empty()) {
        continue;
      }
      const auto part = part_of(survey_, call, tensors.at(call.tensor));
      TORCH_CHECK_VALUE(
          part >= 0,
          "calibration: an op uses another part of a weight than it did on "
          "the samples before; exclude it");
      add(call, part);
    }
    return !found.calls.empty();
  }

  /// Errors: SourcesDiffer if layers of one source read different values in
  ///   this batch.
  void end_batch() {
    for (const auto& source : survey_.sources) {
      for (const auto part : source.parts) {
        if (reads_[part] != reads_[source.parts.front()]) {
          throw SourcesDiffer();
        }
      }
    }
    for (auto& each : reads_) {
      each.clear();
    }
    ids_ = InputIds();
  }

  std::vector<std::vector<SecondMoments>> take_moments() {
    return std::move(moments_);
  }

 private:
  void add(const WeightedCall& call, size_t part) {
    const auto source = survey_.parts[part].source;
    if (source < first_ || source >= first_ + moments_.size()) {
      return;
    }
    const auto& readers = survey_.sources[source].parts;
    if (readers.size() > 1) {
      reads_[part].push_back(ids_.id_of(call));
    }
    if (part != readers.front()) {
      return;
    }
    add_inputs(moments_[source - first_], call);
  }

  const LayerSurvey& survey_;
  size_t first_;
  std::vector<std::vector<SecondMoments>> moments_;
  std::vector<std::vector<int64_t>> reads_; ///< Of each part in this batch.
  InputIds ids_;
};

} // namespace

std::vector<std::vector<SecondMoments>> collect_moments(
    const ModelLoader& load,
    const std::vector<std::string>& names,
    const LayerSurvey& survey,
    size_t first,
    size_t last,
    const Samples& samples,
    const SampleIndices& which,
    int64_t batch,
    const std::function<void(int64_t)>& progress) {
  auto module = load();
  const TensorsByMemory tensors(module, names);
  MomentsCollector collector(survey, first, last);
  const graph::OpWatch watch([&](const char* name, auto inputs) {
    return collector.take(tensors, name, inputs);
  });
  run_samples(module, samples, which, batch, [&](auto, int64_t end, auto) {
    watch.rethrow();
    collector.end_batch();
    progress(end);
  });
  return collector.take_moments();
}

} // namespace coppice::calibration
