#include "compile/layer_choice.h"

#include <algorithm>
#include <optional>

#include "compile/machine.h"
#include "compile/timing_cache.h"
#include "coppice/masks/measure.h"

namespace coppice::compiling {
namespace {

/// The measured candidates of one input.
struct InputRace {
  LayerInput at;
  std::vector<Candidate> candidates;
  LayerRace race;

  /// The index of a candidate; nullopt if it was not measured.
  std::optional<size_t> find(const Candidate& candidate) const {
    for (size_t i = 0; i < candidates.size(); ++i) {
      if (candidates[i].weight == candidate.weight) {
        return i;
      }
    }
    return std::nullopt;
  }
};

LayerRace raced(
    const WeightOp& op,
    const InputRace& input_race,
    int64_t passing,
    const CompileOptions& options,
    const Races& races) {
  const TimingCache cache(options.cache());
  const auto& input = input_race.at.input;
  if (auto known = cache.find(op, input, input_race.candidates, passing)) {
    return *known;
  }
  auto race = races.layer(
      op, input, input_race.candidates, passing, options.seconds_per_layer());
  cache.store(op, input, input_race.candidates, passing, race);
  return race;
}

Candidate best_of(
    const std::vector<Candidate>& candidates,
    const std::vector<InputRace>& input_races) {
  Candidate best = candidates.front();
  auto least = static_cast<double>(input_races.size());
  for (const auto& candidate : candidates) {
    double share = 0;
    bool fits = !candidate.is_libtorch();
    for (const auto& input_race : input_races) {
      const auto index = input_race.find(candidate);
      fits = fits && index && input_race.race.wins[*index];
      share += fits ? input_race.race.ratios[*index] : 0;
    }
    if (fits && share < least) {
      least = share;
      best = candidate;
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
  layer.format = Candidate().name();
  layer.why_left = op.why_dense;
  return layer;
}

LayerTiming timing_of(
    const WeightOp& op,
    const InputRace& input_race,
    const Candidate& chosen) {
  LayerTiming timing;
  timing.batch = input_race.at.batch;
  timing.rows = rows_of(op, input_race.at.input);
  timing.dense = input_race.race.microseconds[0];
  timing.chosen = input_race.race.microseconds[*input_race.find(chosen)];
  timing.fastest_format = input_race.candidates[input_race.race.winner].name();
  return timing;
}

} // namespace

LayerChoice choose_for(
    const WeightOp& op,
    std::vector<LayerInput> inputs,
    int64_t others,
    const CompileOptions& options,
    const Races& races) {
  LayerChoice choice{described(op), {}};
  inputs.erase(
      std::remove_if(
          inputs.begin(),
          inputs.end(),
          [](const LayerInput& each) { return !each.input.defined(); }),
      inputs.end());
  if (inputs.empty()) {
    choice.layer.why_left = "it did not run";
    return choice;
  }
  std::vector<torch::Tensor> tensors;
  for (const auto& each : inputs) {
    tensors.push_back(each.input);
  }
  std::vector<torch::ScalarType> dtypes{torch::kFloat};
  if (options.bfloat16()) {
    dtypes.push_back(torch::kBFloat16);
  }
  const auto candidates = candidates_for(op, tensors, dtypes);
  const int64_t passing = passing_bytes(others);
  std::vector<InputRace> input_races;
  for (const auto& each : inputs) {
    InputRace input_race{
        each, valid_candidates(op, each.input, candidates), {}};
    input_race.race = raced(op, input_race, passing, options, races);
    input_races.push_back(std::move(input_race));
  }
  const auto chosen = best_of(candidates, input_races);
  choice.layer.format = chosen.name();
  choice.layer.passing_bytes = passing;
  for (const auto& input_race : input_races) {
    choice.layer.timings.push_back(timing_of(op, input_race, chosen));
  }
  choice.weight = chosen.weight;
  return choice;
}

} // namespace coppice::compiling
