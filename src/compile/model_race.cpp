#include "compile/model_race.h"

#include <utility>

#include "compile/race.h"

namespace coppice::compiling {
namespace {

using torch::jit::Module;

/// Runs of a model, the first of which choose how LibTorch executes its graph.
constexpr int kFirstRuns = 3;

bool equal(
    const std::vector<c10::IValue>& a,
    const std::vector<c10::IValue>& b) {
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i].isTensor() && !a[i].toTensor().equal(b[i].toTensor())) {
      return false;
    }
  }
  return true;
}

/// Calls a model as its users do. Only one that writes to its inputs is given
/// copies, which take time.
std::function<void()> caller(Module& model, const Example& example) {
  auto inputs = copies_of(example.inputs);
  for (int i = 0; i < kFirstRuns; ++i) {
    run(model, example.inputs);
  }
  model.forward(inputs);
  if (!equal(inputs, example.inputs)) {
    return [&] { model.forward(copies_of(example.inputs)); };
  }
  return [&model, inputs] { model.forward(inputs); };
}

} // namespace

ModelRace race_models(
    Module& before,
    Module& after,
    const std::vector<Example>& examples,
    double seconds) {
  RaceOptions options;
  options.max_seconds = 2 * seconds;
  options.drops_losers = false;
  ModelRace all;
  for (const auto& example : examples) {
    const double gap =
        difference(run(before, example.inputs), run(after, example.inputs));
    const auto result =
        race({caller(before, example), caller(after, example)}, options);
    all.timings.push_back(
        {example.batch, result.microseconds[0], result.microseconds[1], gap});
    all.is_slower |= result.losses[1];
  }
  return all;
}

} // namespace coppice::compiling
