#include "oneshot/layer_inputs.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <map>
#include <unordered_map>

#include "graph/named_tensors.h"
#include "graph/op_watch.h"

namespace coppice::oneshot {
namespace {

using graph::WeightedCall;
using torch::Tensor;

/// Elements from the first to the last, gaps included.
int64_t span_of(const std::vector<int64_t>& sizes, at::IntArrayRef strides) {
  int64_t span = 1;
  for (size_t i = 0; i < sizes.size(); ++i) {
    span += (sizes[i] - 1) * strides[i];
  }
  return span;
}

/// Tells values apart that enter ops during a run.
class InputIds {
 public:
  int64_t id_of(const WeightedCall& call) {
    const auto& x = call.input;
    auto& beside = known_[x.storage().unsafeGetStorageImpl()];
    for (const auto& each : beside) {
      if (each.is(call)) {
        return each.id;
      }
    }
    Known known{
        call,
        // One whose values are gone is not freed as long as it is known, so
        // that no other one has its address.
        x.storage().getWeakStorageImpl(),
        version(x),
        next_,
        x.sizes().vec(),
        x.strides().vec(),
        x.storage_offset()};
    known.call.input = Tensor(); // Its values may go.
    beside.push_back(std::move(known));
    return next_++;
  }

 private:
  static uint32_t version(const Tensor& x) {
    return x.is_inference() ? 0 : static_cast<uint32_t>(x._version());
  }

  struct Known {
    WeightedCall call; ///< How it is read.
    c10::weak_intrusive_ptr<c10::StorageImpl> storage;
    uint32_t version = 0;
    int64_t id = 0;
    std::vector<int64_t> sizes;
    std::vector<int64_t> strides;
    int64_t offset = 0;

    bool is(const WeightedCall& other) const {
      const auto& x = other.input;
      return version == InputIds::version(x) && offset == x.storage_offset() &&
          x.sizes() == sizes && x.strides() == strides &&
          call.is_conv == other.is_conv && call.groups == other.groups &&
          call.steps.stride == other.steps.stride &&
          call.steps.padding == other.steps.padding &&
          call.steps.dilation == other.steps.dilation &&
          call.weight.sizes().slice(1) == other.weight.sizes().slice(1);
    }
  };

  std::unordered_map<const c10::StorageImpl*, std::vector<Known>> known_;
  int64_t next_ = 0;
};

/// What runs show of layers.
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
    survey_.sources.push_back(source); // One a part, for now.
    reads_.emplace_back();
    return static_cast<int64_t>(survey_.parts.size()) - 1;
  }

  /// Tensors that are no weights of known ops alone.
  void leave_unfit() {
    survey_.left_because.assign(others_.size(), "it never ran on the samples");
    std::vector<std::vector<const LayerPart*>> parts(others_.size());
    for (const auto& part : survey_.parts) {
      parts[part.tensor].push_back(&part);
      survey_.left_because[part.tensor].clear();
    }
    for (size_t i = 0; i < others_.size(); ++i) {
      if (!others_[i].empty()) {
        survey_.left_because[i] = "samples do not tell of the inputs of `" +
            others_[i].substr(others_[i].rfind(':') + 1) + "`";
      } else if (overlap(parts[i])) {
        survey_.left_because[i] = "ops take parts of it that overlap";
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

/// Adds what enters layers to their second moments.
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
          "calibration: an op takes another part of a weight than it did on "
          "the samples before; exclude it");
      add(call, part);
    }
    return !found.calls.empty();
  }

  /// Checks that layers of one source read the same all along.
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
    auto& moments = moments_[source - first_];
    if (call.is_conv) {
      add_patches(moments, call.input, patch_options(call));
    } else {
      moments.front().add(call.input);
    }
  }

  const LayerSurvey& survey_;
  size_t first_;
  std::vector<std::vector<SecondMoments>> moments_;
  std::vector<std::vector<int64_t>> reads_; ///< Of each part in this batch.
  InputIds ids_;
};

} // namespace

TensorsByMemory::TensorsByMemory(
    const torch::jit::Module& module,
    const std::vector<std::string>& names) {
  std::map<std::string, Tensor> by_name;
  for (const auto& each : graph::named_tensors(module)) {
    by_name.emplace(each.name, each.tensor);
  }
  for (const auto& name : names) {
    tensors_.push_back(by_name.at(name));
  }
}

int64_t TensorsByMemory::find(const Tensor& tensor) const {
  if (!tensor.has_storage()) {
    return -1;
  }
  const auto* storage = tensor.storage().unsafeGetStorageImpl();
  const auto begin = tensor.storage_offset();
  const auto end = begin + span_of(tensor.sizes().vec(), tensor.strides());
  for (size_t i = 0; i < tensors_.size(); ++i) {
    const auto& each = tensors_[i];
    const auto first = each.storage_offset();
    if (each.storage().unsafeGetStorageImpl() == storage && begin >= first &&
        end <= first + span_of(each.sizes().vec(), each.strides()) &&
        each.scalar_type() == tensor.scalar_type()) {
      return static_cast<int64_t>(i);
    }
  }
  return -1;
}

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

PatchOptions patch_options(const WeightedCall& call) {
  return PatchOptions()
      .kernel({call.weight.size(2), call.weight.size(3)})
      .stride(call.steps.stride)
      .padding(call.steps.padding)
      .dilation(call.steps.dilation)
      .groups(call.groups);
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
  const graph::OpWatch watch([&](const char* name, auto inputs) {
    return surveyor.take(tensors, name, inputs);
  });
  const auto count = static_cast<int64_t>(which.size());
  for (int64_t i = 0; i < count && !surveyor.has_seen_all(); i += batch) {
    const SampleIndices few(
        which.begin() + i, which.begin() + std::min(i + batch, count));
    run_samples(module, samples, few, batch, [](auto, auto, auto) {});
    watch.rethrow();
  }
  return surveyor.finish(needs_all);
}

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

} // namespace coppice::oneshot
