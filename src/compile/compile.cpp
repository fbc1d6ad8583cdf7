#include "coppice/compile/compile.h"

#include <algorithm>
#include <cstdlib>
#include <optional>

#include "compile/examples.h"
#include "compile/layer_race.h"
#include "compile/machine.h"
#include "compile/race.h"
#include "compile/timing_cache.h"
#include "coppice/graph/weight_ops.h"
#include "coppice/masks/measure.h"

namespace coppice {
namespace {

using compiling::Candidate;
using compiling::LayerRace;
using torch::jit::Module;

/// Beyond this it is no rounding, also where batch norms were folded.
constexpr double kTolerance = 1e-3;

/// What entered an op at one batch, and how its candidates did.
struct Heat {
  int64_t batch = 0;
  torch::Tensor input; ///< Undefined if the op did not run.
  std::vector<Candidate> candidates;
  LayerRace race;

  /// The index of a format; nullopt if it did not take part.
  std::optional<size_t> find(const std::string& name) const {
    for (size_t i = 0; i < candidates.size(); ++i) {
      if (candidates[i].name() == name) {
        return i;
      }
    }
    return std::nullopt;
  }
};

int64_t weight_bytes(const std::vector<WeightOp>& ops) {
  int64_t bytes = 0;
  for (const auto& op : ops) {
    bytes += static_cast<int64_t>(op.weight.nbytes());
  }
  return bytes;
}

/// What enters every op when the model runs; the first call, where there are
/// several. Undefined for one that does not run.
std::vector<torch::Tensor> inputs_of_ops(
    const Module& frozen,
    const std::vector<c10::IValue>& inputs) {
  std::vector<c10::intrusive_ptr<ActivationSite>> sites;
  auto observed = with_observed_weight_ops(frozen, sites);
  std::vector<torch::Tensor> seen(sites.size());
  for (size_t i = 0; i < sites.size(); ++i) {
    sites[i]->observe([&seen, i](const torch::Tensor& x) {
      if (!seen[i].defined()) {
        seen[i] = x.clone();
      }
    });
  }
  compiling::run(observed, inputs);
  return seen;
}

LayerRace raced(
    const WeightOp& op,
    const Heat& heat,
    bool from_memory,
    const CompileOptions& options) {
  const compiling::TimingCache cache(options.cache());
  if (auto known = cache.find(op, heat.input, heat.candidates, from_memory)) {
    return *known;
  }
  auto race = compiling::race_layer(
      op,
      heat.input,
      heat.candidates,
      from_memory,
      options.seconds_per_layer());
  cache.keep(op, heat.input, heat.candidates, from_memory, race);
  return race;
}

/// Whether a contender beats LibTorch's own in a heat by more than noise.
bool is_faster(const Heat& heat, size_t contender) {
  return contender == heat.race.winner ||
      heat.race.microseconds[contender] < 0.97 * heat.race.microseconds[0];
}

/// The format that takes the least time of LibTorch's own over all heats, among
/// those that are slower in none.
std::string choose(const std::vector<Heat>& heats) {
  std::string best = "libtorch";
  auto least = static_cast<double>(heats.size());
  for (const auto& candidate : heats.front().candidates) {
    double share = 0;
    bool fits = !candidate.is_libtorch();
    for (const auto& heat : heats) {
      const auto index = heat.find(candidate.name());
      fits = fits && index && is_faster(heat, *index);
      if (fits) {
        share += heat.race.microseconds[*index] / heat.race.microseconds[0];
      }
    }
    if (fits && share < least) {
      least = share;
      best = candidate.name();
    }
  }
  return best;
}

CompiledLayer described(const WeightOp& op) {
  CompiledLayer layer;
  layer.layer = op.layer_fqn;
  layer.kind = op.kind == WeightOp::Kind::kLinear ? "linear" : "conv2d";
  layer.shape = op.weight.sizes().vec();
  layer.weight = op.weight;
  layer.sparsity = sparsity(op.weight);
  if (layer.sparsity > 0) {
    layer.pattern = to_string(detect_pattern(op.weight));
  }
  layer.format = "libtorch";
  layer.why_left = op.why_dense;
  layer.bytes_before = static_cast<int64_t>(op.weight.nbytes());
  layer.bytes_after = layer.bytes_before;
  return layer;
}

LayerTiming
timing_of(const WeightOp& op, const Heat& heat, const std::string& format) {
  LayerTiming timing;
  timing.batch = heat.batch;
  timing.rows = compiling::rows_of(op, heat.input);
  timing.dense = heat.race.microseconds[0];
  timing.chosen = heat.race.microseconds[*heat.find(format)];
  timing.fastest_format = heat.candidates[heat.race.winner].name();
  return timing;
}

/// Measures an op and decides. `chosen` becomes the packed weight to install;
/// null if LibTorch's own stays.
CompiledLayer decided(
    const WeightOp& op,
    std::vector<Heat> heats,
    bool from_memory,
    const CompileOptions& options,
    c10::intrusive_ptr<PackedWeight>& chosen) {
  auto layer = described(op);
  heats.erase(
      std::remove_if(
          heats.begin(),
          heats.end(),
          [](const Heat& heat) { return !heat.input.defined(); }),
      heats.end());
  if (heats.empty()) {
    layer.why_left = "it did not run";
    return layer;
  }
  for (auto& heat : heats) {
    heat.candidates = compiling::candidates_for(op, heat.input);
    heat.race = raced(op, heat, from_memory, options);
  }
  layer.format = choose(heats);
  for (const auto& heat : heats) {
    layer.timings.push_back(timing_of(op, heat, layer.format));
  }
  const auto& first = heats.front();
  chosen = first.candidates[*first.find(layer.format)].weight;
  if (chosen) {
    layer.bytes_after = chosen->nbytes();
  }
  return layer;
}

/// Times two models in turn.
ModelTiming timed(
    Module& before,
    Module& after,
    const compiling::Example& example,
    double seconds) {
  // The first runs choose how LibTorch executes a graph.
  for (int i = 0; i < 2; ++i) {
    compiling::run(before, example.inputs);
    compiling::run(after, example.inputs);
  }
  compiling::RaceOptions options;
  options.max_seconds = 2 * seconds;
  options.hopeless = 1e9; // Both to the end.
  const auto result = compiling::race(
      {[&] { compiling::run(before, example.inputs); },
       [&] { compiling::run(after, example.inputs); }},
      options);
  return {example.batch, result.microseconds[0], result.microseconds[1]};
}

void check_has_weight_ops(
    const Module& frozen,
    const std::vector<WeightOp>& ops) {
  const auto others = other_weight_ops(frozen);
  TORCH_CHECK_VALUE(
      !ops.empty(),
      "compile: the model has no linear layer or convolution with a constant "
      "weight",
      others.empty() ? "" : ", and no fast path takes ",
      c10::Join(", ", others),
      "; a model that was quantized or frozen for mobile is compiled from the "
      "one that it was made of");
}

Module evaluating(const Module& module) {
  auto copy = module.clone();
  copy.eval();
  return copy;
}

} // namespace

CompileOptions::CompileOptions() : cache_(timing_cache_folder()) {}

CompileOptions& CompileOptions::batches(std::vector<int64_t> sizes) {
  for (const int64_t size : sizes) {
    TORCH_CHECK_VALUE(
        size > 0, "batches: expected sizes of 1 or more, got ", size);
  }
  batches_ = std::move(sizes);
  return *this;
}

CompileOptions& CompileOptions::seconds_per_layer(double seconds) {
  TORCH_CHECK_VALUE(
      seconds > 0, "seconds_per_layer: expected more than 0, got ", seconds);
  seconds_per_layer_ = seconds;
  return *this;
}

CompileOptions& CompileOptions::cache(std::string folder) {
  cache_ = std::move(folder);
  return *this;
}

CompileOptions& CompileOptions::progress(
    std::function<void(int64_t done, int64_t total)> f) {
  progress_ = std::move(f);
  return *this;
}

std::string timing_cache_folder() {
  if (const char* folder = std::getenv("XDG_CACHE_HOME"); folder && *folder) {
    return std::string(folder) + "/coppice";
  }
  const char* home = std::getenv("HOME");
  return home && *home ? std::string(home) + "/.cache/coppice" : "";
}

CompiledModel compile(
    const Module& module,
    const std::vector<c10::IValue>& example,
    const CompileOptions& options) {
  const torch::NoGradGuard no_grad;
  const auto frozen = frozen_module(module);
  const auto ops = weight_ops(frozen);
  check_has_weight_ops(frozen, ops);
  const auto examples = compiling::examples_of(example, options.batches());
  std::vector<std::vector<Heat>> heats(ops.size());
  for (const auto& each : examples) {
    const auto inputs = inputs_of_ops(frozen, each.inputs);
    for (size_t i = 0; i < ops.size(); ++i) {
      heats[i].push_back({each.batch, inputs[i], {}, {}});
    }
  }
  CompiledModel result;
  result.processor = compiling::processor_name();
  result.from_memory = weight_bytes(ops) > compiling::last_cache_bytes();
  std::vector<WeightOpReplacement> replacements;
  for (size_t i = 0; i < ops.size(); ++i) {
    c10::intrusive_ptr<PackedWeight> chosen;
    result.layers.push_back(decided(
        ops[i], std::move(heats[i]), result.from_memory, options, chosen));
    if (chosen) {
      replacements.push_back(
          {i, Candidate{chosen}.operator_name(ops[i]), chosen});
    }
    if (options.progress()) {
      options.progress()(i + 1, ops.size());
    }
  }
  result.module = with_replaced_weight_ops(frozen, replacements);
  auto original = evaluating(module);
  for (const auto& each : examples) {
    result.difference = std::max(
        result.difference,
        compiling::difference(
            compiling::run(original, each.inputs),
            compiling::run(result.module, each.inputs)));
  }
  TORCH_CHECK(
      result.difference <= kTolerance,
      "compile: the result differs from the model by ",
      result.difference,
      " of its largest output, which is more than rounding; nothing is "
      "compiled");
  for (const auto& each : examples) {
    result.timings.push_back(
        timed(original, result.module, each, options.seconds_per_layer()));
  }
  return result;
}

std::vector<ModelTiming> compare_models(
    const Module& first,
    const Module& second,
    const std::vector<c10::IValue>& example,
    const CompileOptions& options) {
  const torch::NoGradGuard no_grad;
  auto a = evaluating(first);
  auto b = evaluating(second);
  std::vector<ModelTiming> timings;
  for (const auto& each : compiling::examples_of(example, options.batches())) {
    timings.push_back(timed(a, b, each, options.seconds_per_layer()));
  }
  return timings;
}

} // namespace coppice
