#include "compile/model_race.h"

#include <algorithm>
#include <utility>

#include "compile/compare.h"
#include "compile/race.h"
#include "graph/map_tensors.h"
#include "graph/reloaded.h"
#include "graph/run_script.h"

namespace coppice::compiling {
namespace {

using torch::jit::Module;

/// LibTorch optimizes the graph during the first runs.
constexpr int kWarmUpRuns = 3;

bool equal(
    const std::vector<c10::IValue>& a,
    const std::vector<c10::IValue>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), graph::is_same);
}

/// Calls a model as users do. Only a model that writes to its inputs gets
/// copies, which cost time.
std::function<void()> caller(Module& model, const Example& example) {
  auto inputs = copies_of(example.inputs);
  for (int i = 0; i < kWarmUpRuns; ++i) {
    run(model, example.inputs);
  }
  run_script(model, inputs);
  if (!equal(inputs, example.inputs)) {
    return [&] { run_script(model, copies_of(example.inputs)); };
  }
  return [&model, inputs] { run_script(model, inputs); };
}

Module evaluating_copy(const Module& module) {
  auto copy = graph::reloaded(module);
  copy.eval();
  return copy;
}

} // namespace

ModelRace race_models(
    const Module& first,
    const Module& second,
    const std::vector<Example>& examples,
    double seconds) {
  RaceOptions options;
  options.max_seconds = 2 * seconds;
  options.drops_losers = false;
  ModelRace all;
  for (const auto& example : examples) {
    // New copies: timing changes the state of a model.
    auto before = evaluating_copy(first);
    auto after = evaluating_copy(second);
    const double gap = largest_difference(before, after, example);
    const auto result =
        race({caller(before, example), caller(after, example)}, options);
    all.timings.push_back(
        {example.batch, result.microseconds[0], result.microseconds[1], gap});
    all.is_slower |= result.losses[1];
  }
  return all;
}

} // namespace coppice::compiling
