#pragma once

#include <coppice/compile/compile.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace coppice::cli {

/// The results as a JSON object, to be extended.
nlohmann::ordered_json compiled_json(
    const std::string& model,
    const CompiledModel& compiled);

/// The instruction set of the kernels, and whether it is scalar.
std::string instruction_set_text();

/// "threads: 2, instruction set: ...": the conditions of the measurement.
std::string compile_conditions();

/// The final output of `coppice compile` and `coppice bench`.
std::string compile_text(
    const std::string& output,
    const CompiledModel& compiled);
nlohmann::ordered_json compile_json(
    const std::string& model,
    const std::string& output,
    const CompiledModel& compiled);

/// `others`: times of MODEL and OTHER; empty without OTHER.
std::string bench_text(
    const std::string& other,
    const CompiledModel& compiled,
    const std::vector<ModelTiming>& others);
nlohmann::ordered_json bench_json(
    const std::string& model,
    const std::string& other,
    const CompiledModel& compiled,
    const std::vector<ModelTiming>& others);

} // namespace coppice::cli
