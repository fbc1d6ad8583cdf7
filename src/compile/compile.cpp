#include "coppice/compile/compile.h"

#include <algorithm>
#include <cstdlib>
#include <set>

#include "compile/compare.h"
#include "compile/examples.h"
#include "compile/layer_choice.h"
#include "compile/layer_rows.h"
#include "compile/machine.h"
#include "compile/races.h"
#include "graph/frozen_copy.h"
#include "graph/frozen_graph.h"
#include "graph/model_inputs.h"
#include "graph/weight_ops.h"

namespace coppice {
namespace {

using compiling::Candidate;
using compiling::LayerChoice;
using compiling::LayerInput;
using torch::jit::Module;

/// The largest difference explained by rounding, including folded batch norms.
constexpr double kTolerance = 1e-3;

/// The same with weights rounded to bfloat16 in successive layers.
constexpr double kBfloat16Tolerance = 1e-1;

/// Bytes of all weights; shared ones count once.
int64_t weight_bytes(const std::vector<WeightOp>& ops) {
  int64_t bytes = 0;
  std::set<const void*> known;
  for (const auto& op : ops) {
    if (known.insert(op.weight.data_ptr()).second) {
      bytes += static_cast<int64_t>(op.weight.nbytes());
    }
  }
  return bytes;
}

/// Copies of the inputs of every op when the model runs, of the first call if
/// there are several. Undefined for an op that does not run.
std::vector<torch::Tensor> inputs_of_ops(
    const Module& module,
    const std::vector<c10::IValue>& inputs) {
  auto observed = graph::frozen_copy(module).frozen;
  std::vector<c10::intrusive_ptr<ActivationSite>> sites;
  graph::observe_weight_ops(observed, sites);
  std::vector<torch::Tensor> seen(sites.size());
  for (size_t i = 0; i < sites.size(); ++i) {
    sites[i]->observe([&seen, i](const torch::Tensor& x) {
      if (!seen[i].defined()) {
        seen[i] = x.detach().clone();
      }
    });
  }
  compiling::run(observed, inputs);
  return seen;
}

void check_has_weight_ops(
    const Module& frozen,
    const std::vector<WeightOp>& ops) {
  const auto others = other_weight_ops(frozen);
  TORCH_CHECK_VALUE(
      !ops.empty(),
      "compile: the model has no linear layer or convolution with a constant "
      "weight",
      others.empty() ? "" : ", and packed formats do not support ",
      c10::Join(", ", others),
      "; compile the original of a model that was quantized or frozen for "
      "mobile");
}

/// Measures every op at every example.
std::vector<LayerChoice> choices_for(
    const Module& module,
    const std::vector<WeightOp>& ops,
    const std::vector<compiling::Example>& examples,
    const CompileOptions& options,
    const compiling::Races& races) {
  std::vector<std::vector<LayerInput>> inputs(ops.size());
  for (const auto& each : examples) {
    const auto seen = inputs_of_ops(module, each.inputs);
    for (size_t i = 0; i < ops.size(); ++i) {
      inputs[i].push_back({each.batch, seen[i]});
    }
  }
  const int64_t bytes = weight_bytes(ops);
  std::vector<LayerChoice> choices;
  for (size_t i = 0; i < ops.size(); ++i) {
    const auto own = static_cast<int64_t>(ops[i].weight.nbytes());
    choices.push_back(compiling::choose_for(
        ops[i], std::move(inputs[i]), bytes - own, options, races));
    if (options.progress()) {
      options.progress()(i + 1, ops.size());
    }
  }
  return choices;
}

std::vector<WeightOpReplacement> replacements(
    const std::vector<WeightOp>& ops,
    const std::vector<LayerChoice>& choices) {
  std::vector<WeightOpReplacement> all;
  for (size_t i = 0; i < ops.size(); ++i) {
    if (const auto& weight = choices[i].weight) {
      all.push_back({i, Candidate{weight}.operator_name(ops[i]), weight});
    }
  }
  return all;
}

/// The sum over batches of the time relative to the original.
double share_of_time(const compiling::ModelRace& race) {
  double share = 0;
  for (const auto& timing : race.timings) {
    share += timing.after / timing.before;
  }
  return share;
}

/// Reverts all replacements in the table.
void revert_all(std::vector<LayerChoice>& choices) {
  for (auto& choice : choices) {
    auto& layer = choice.layer;
    if (!choice.weight) {
      continue;
    }
    layer.why_left = layer.format + " makes the whole model slower";
    layer.format = Candidate().name();
    choice.weight.reset();
    for (auto& timing : layer.timings) {
      timing.chosen = timing.dense;
    }
  }
}

double checked_difference(
    const std::vector<ModelTiming>& timings,
    double tolerance,
    bool is_random) {
  double largest = 0;
  for (const auto& timing : timings) {
    largest = std::max(largest, timing.difference);
  }
  TORCH_CHECK(
      largest <= tolerance,
      "compile: the result differs from the model by ",
      largest,
      " of its largest output, which is more than rounding",
      is_random ? ", maybe because it draws other random numbers than before; "
                  "give it its noise as an input"
                : "",
      "; nothing is compiled");
  return largest;
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

CompileOptions& CompileOptions::bfloat16(bool allowed) {
  bfloat16_ = allowed;
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
  return compiling::compile_by({}, module, example, options);
}

CompiledModel compiling::compile_by(
    const Races& races,
    const Module& module,
    const std::vector<c10::IValue>& example,
    const CompileOptions& options) {
  const c10::AutoGradMode gradients(graph::takes_gradients(module));
  const auto examples = compiling::examples_of(example, options.batches());
  compiling::check_runs(module, examples);
  const auto copy = graph::frozen_copy(module);
  const auto& frozen = copy.frozen;
  const auto ops = weight_ops(frozen);
  check_has_weight_ops(frozen, ops);
  auto choices = choices_for(module, ops, examples, options, races);
  compiling::share_packed_weights(ops, choices);
  const double seconds = options.seconds_per_layer();
  CompiledModel result;
  result.processor = compiling::processor_name();
  result.is_random = compiling::is_random(module, frozen, examples.front());
  result.module = graph::with_frozen_forward(copy, replacements(ops, choices));
  compiling::check_methods(module, result.module);
  auto race = races.models(module, result.module, examples, seconds);
  if (race.is_slower) {
    // Each layer alone was faster, but the whole model is not.
    auto left = graph::with_frozen_forward(copy, {});
    auto other = races.models(module, left, examples, seconds);
    if (share_of_time(other) < share_of_time(race)) {
      result.module = left;
      race = std::move(other);
      revert_all(choices);
    }
  }
  result.layers = compiling::layer_rows(ops, choices, left_layers(frozen));
  result.timings = std::move(race.timings);
  result.difference = checked_difference(
      result.timings,
      options.bfloat16() ? kBfloat16Tolerance : kTolerance,
      result.is_random);
  return result;
}

std::vector<ModelTiming> compare_models(
    const Module& first,
    const Module& second,
    const std::vector<c10::IValue>& example,
    const CompileOptions& options) {
  const c10::AutoGradMode gradients(
      graph::takes_gradients(first) || graph::takes_gradients(second));
  const auto examples = compiling::examples_of(example, options.batches());
  for (const auto* each : {&first, &second}) {
    compiling::check_runs(*each, examples);
  }
  return compiling::race_models(
             first, second, examples, options.seconds_per_layer())
      .timings;
}

} // namespace coppice
