#pragma once

#include <string>
#include <vector>

#include "compile/races.h"
#include "coppice/compile/compile.h"

namespace coppice::testing {

inline CompileOptions quick() {
  return CompileOptions().seconds_per_layer(0.05).cache("");
}

/// The times of two models: 100 us for the first and `microseconds` for the
/// second.
inline compiling::ModelRace model_race(
    const torch::jit::Module& before,
    const torch::jit::Module& after,
    const std::vector<compiling::Example>& examples,
    double microseconds) {
  auto race = compiling::race_models(before, after, examples, /*seconds=*/1e-3);
  for (auto& timing : race.timings) {
    timing.before = 100;
    timing.after = microseconds;
  }
  race.is_slower = microseconds > 100;
  return race;
}

/// Measurements in which `candidate` wins clearly wherever it takes part, and
/// so does the whole model: on a busy machine real winners are unpredictable.
inline compiling::Races won_by(const std::string& candidate) {
  compiling::Races races;
  races.layer = [candidate](
                    const WeightOp& /*op*/,
                    const torch::Tensor& /*input*/,
                    const std::vector<compiling::Candidate>& candidates,
                    int64_t /*passing_bytes*/,
                    double /*seconds*/) {
    compiling::LayerRace race;
    for (size_t i = 0; i < candidates.size(); ++i) {
      const bool wins = candidates[i].name() == candidate;
      race.microseconds.push_back(wins ? 1 : 100);
      race.ratios.push_back(wins ? 0.01 : 1);
      race.wins.push_back(wins && i > 0);
      race.winner = wins ? i : race.winner;
    }
    return race;
  };
  races.models = [](auto& before, auto& after, const auto& examples, double) {
    return model_race(before, after, examples, 50);
  };
  return races;
}

/// `compile` with `candidate` winning every measurement.
inline CompiledModel compile_as_if_won_by(
    const std::string& candidate,
    const torch::jit::Module& net,
    const std::vector<c10::IValue>& inputs,
    const CompileOptions& options) {
  return compiling::compile_by(won_by(candidate), net, inputs, options);
}

} // namespace coppice::testing
