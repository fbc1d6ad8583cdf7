#pragma once

#include <functional>

#include "compile/layer_race.h"
#include "compile/model_race.h"

namespace coppice::compiling {

/// How `compile` measures; tests inject results.
struct Races {
  std::function<decltype(race_layer)> layer = race_layer;
  std::function<decltype(race_models)> models = race_models;
};

/// `coppice::compile` with the given measurements.
CompiledModel compile_by(
    const Races& races,
    const torch::jit::Module& module,
    const std::vector<c10::IValue>& example,
    const CompileOptions& options);

} // namespace coppice::compiling
