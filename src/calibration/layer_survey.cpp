#include "calibration/layer_survey.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <map>

#include "calibration/input_ids.h"
#include "calibration/tensors_by_memory.h"
#include "graph/op_watch.h"

namespace coppice::calibration {

using graph::WeightedCall;
using torch::Tensor;

namespace {

/// Memory of this process that is not backed by files, in bytes; 0 if the
/// system does not tell.
int64_t anonymous_memory() {
  int64_t all = 0;
  int64_t resident = 0;
  int64_t of_files = 0;
  std::ifstream("/proc/self/statm") >> all >> resident >> of_files;
  return (resident - of_files) * sysconf(_SC_PAGESIZE);
}

/// Collects a survey from runs of the model.
class Surveyor {
 public:
  explicit Surveyor(size_t tensors) : others_(tensors) {}

  bool take(
      const TensorsByMemory& tensors,
      const char* name,
      graph::OpWatch::Inputs inputs) {
    auto found = graph::weighted_calls(
        name, inputs, [&](const Tensor& x) { return tensors.find(x); });
    for (const auto other : found.others) {
      others_[other] = name;
    }
    for (auto& call : found.calls) {
      auto part = part_of(survey_, call, tensors.at(call.tensor));
      if (part < 0) {
        part = add(call, tensors.at(call.tensor));
      }
      reads_[part].push_back(ids_.id_of(call));
    }
    return !found.calls.empty() || !found.others.empty();
  }

  bool has_seen_all() const {
    std::vector<bool> seen(others_.size());
    for (const auto& part : survey_.parts) {
      seen[part.tensor] = true;
    }
    for (size_t i = 0; i < seen.size(); ++i) {
      seen[i] = seen[i] || !others_[i].empty();
    }
    return std::all_of(seen.begin(), seen.end(), [](bool is) { return is; });
  }

  LayerSurvey finish(const std::vector<bool>& needs_all) {
    leave_unfit();
    std::map<std::vector<int64_t>, size_t> sources;
    LayerSurvey result;
    result.left_because = survey_.left_because;
    for (size_t i = 0; i < survey_.parts.size(); ++i) {
      auto part = survey_.parts[i];
      if (!result.left_because[part.tensor].empty()) {
        continue;
      }
      const auto [at, is_new] =
          sources.emplace(reads_[i], result.sources.size());
      if (is_new) {
        result.sources.push_back(survey_.sources[i]);
      }
      part.source = at->second;
      auto& source = result.sources[part.source];
      if (needs_all[part.tensor]) {
        source.kind = SecondMoments::Kind::Full;
      }
      source.parts.push_back(result.parts.size());
      result.parts.push_back(part);
    }
    return result;
  }

 private:
  int64_t add(const WeightedCall& call, const Tensor& tensor) {
    LayerPart part;
    part.tensor = call.tensor;
    part.sizes = call.weight.sizes().vec();
    part.strides = call.weight.strides().vec();
    part.offset = call.weight.storage_offset() - tensor.storage_offset();
    InputSource source;
    source.channels = part.sizes[1];
    source.groups = call.groups;
    if (call.is_conv) {
      source.kernel = {part.sizes[2], part.sizes[3]};
    }
    survey_.parts.push_back(std::move(part));
    survey_.sources.push_back(source); // Equal ones are merged later.
    reads_.emplace_back();
    return static_cast<int64_t>(survey_.parts.size()) - 1;
  }

  /// Excludes tensors that ops other than linear and convolution read as
  /// weights.
  void leave_unfit() {
    survey_.left_because.assign(others_.size(), "it never ran on the samples");
    std::vector<std::vector<const LayerPart*>> parts(others_.size());
    for (const auto& part : survey_.parts) {
      parts[part.tensor].push_back(&part);
      survey_.left_because[part.tensor].clear();
    }
    for (size_t i = 0; i < others_.size(); ++i) {
      if (!others_[i].empty()) {
        survey_.left_because[i] = "samples cannot prune the weight of `" +
            others_[i].substr(others_[i].rfind(':') + 1) + "`";
      } else if (overlap(parts[i])) {
        survey_.left_because[i] = "ops use parts of it that overlap";
      }
    }
  }

  static bool overlap(const std::vector<const LayerPart*>& parts) {
    for (size_t i = 0; i < parts.size(); ++i) {
      for (size_t j = 0; j < i; ++j) {
        const auto& a = *parts[i];
        const auto& b = *parts[j];
        if (a.offset < b.offset + span_of(b.sizes, b.strides) &&
            b.offset < a.offset + span_of(a.sizes, a.strides)) {
          return true;
        }
      }
    }
    return false;
  }

  LayerSurvey survey_;
  std::vector<std::vector<int64_t>> reads_; ///< Of each part, in order.
  std::vector<std::string> others_;
  InputIds ids_;
};

} // namespace

Tensor LayerPart::of(const Tensor& tensor) const {
  return tensor.as_strided(sizes, strides, tensor.storage_offset() + offset);
}

std::vector<SecondMoments> InputSource::moments() const {
  std::vector<SecondMoments> all;
  for (int64_t i = 0; i < groups; ++i) {
    all.emplace_back(features(), kind);
  }
  return all;
}

int64_t part_of(
    const LayerSurvey& survey,
    const WeightedCall& call,
    const Tensor& tensor) {
  const auto offset = call.weight.storage_offset() - tensor.storage_offset();
  for (size_t i = 0; i < survey.parts.size(); ++i) {
    const auto& part = survey.parts[i];
    if (part.tensor == call.tensor && part.offset == offset &&
        call.weight.sizes() == part.sizes &&
        call.weight.strides() == part.strides) {
      return static_cast<int64_t>(i);
    }
  }
  return -1;
}

LayerSurvey survey_layers(
    const ModelLoader& load,
    const std::vector<std::string>& names,
    const std::vector<bool>& needs_all,
    const Samples& samples,
    const SampleIndices& which,
    int64_t batch) {
  auto module = load();
  const TensorsByMemory tensors(module, names);
  Surveyor surveyor(names.size());
  const auto before = anonymous_memory();
  int64_t most = 0;
  const graph::OpWatch watch([&](const char* name, auto inputs) {
    most = std::max(most, anonymous_memory() - before);
    return surveyor.take(tensors, name, inputs);
  });
  const auto count = static_cast<int64_t>(which.size());
  for (int64_t i = 0; i < count && !surveyor.has_seen_all(); i += batch) {
    const SampleIndices few(
        which.begin() + i, which.begin() + std::min(i + batch, count));
    run_samples(module, samples, few, batch, [](auto, auto, auto) {});
    watch.rethrow();
  }
  auto survey = surveyor.finish(needs_all);
  survey.batch_bytes = most;
  return survey;
}

void part_sources(LayerSurvey& survey) {
  std::vector<InputSource> sources;
  for (size_t i = 0; i < survey.parts.size(); ++i) {
    auto source = survey.sources[survey.parts[i].source];
    source.parts = {i};
    survey.parts[i].source = sources.size();
    sources.push_back(std::move(source));
  }
  survey.sources = std::move(sources);
}

} // namespace coppice::calibration
