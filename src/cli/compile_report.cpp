#include "cli/compile_report.h"

#include <ATen/Parallel.h>
#include <fmt/format.h>
#include "kernels/instruction_set.h"
#include "report/json.h"

#include <algorithm>

#include "cli/blas.h"

namespace coppice::cli {
namespace {

double largest_difference(const std::vector<ModelTiming>& timings) {
  double largest = 0;
  for (const auto& timing : timings) {
    largest = std::max(largest, timing.difference);
  }
  return largest;
}

nlohmann::ordered_json json_of(const std::vector<ModelTiming>& timings) {
  auto list = nlohmann::ordered_json::array();
  for (const auto& timing : timings) {
    list.push_back(
        {{"batch", timing.batch},
         {"before_us", timing.before},
         {"after_us", timing.after},
         {"ratio", timing.before / timing.after}});
  }
  return list;
}

} // namespace

nlohmann::ordered_json compiled_json(
    const std::string& model,
    const CompiledModel& compiled) {
  return {
      {"model", model},
      {"processor", compiled.processor},
      {"threads", at::get_num_threads()},
      {"instruction_set", kernels::instruction_set()},
      {"blas", blas_name()},
      {"difference", compiled.difference},
      {"random", compiled.is_random},
      {"whole", json_of(compiled.timings)},
      {"layers", to_json(compiled.rows())}};
}

std::string instruction_set_text() {
  return kernels::instruction_set() +
      (kernels::has_fast_path()
           ? ""
           : " (plain loops: Coppice has no fast path for this processor)");
}

std::string compile_conditions() {
  return fmt::format(
      "threads: {}, instruction set: {}, BLAS: {}, medians of interleaved runs",
      at::get_num_threads(),
      instruction_set_text(),
      blas_name());
}

std::string compile_text(
    const std::string& output,
    const CompiledModel& compiled) {
  return fmt::format(
      "{}\n{}\nWritten to {}.", compiled.table(), compile_conditions(), output);
}

nlohmann::ordered_json compile_json(
    const std::string& model,
    const std::string& output,
    const CompiledModel& compiled) {
  auto json = compiled_json(model, compiled);
  json["output"] = output;
  return json;
}

std::string bench_text(
    const std::string& other,
    const CompiledModel& compiled,
    const std::vector<ModelTiming>& others) {
  auto text = compiled.table() + "\n" + compile_conditions();
  for (const auto& timing : others) {
    text += fmt::format(
        "\n{}, batch {}: {:.1f} us, {:.2f} times as fast as the model; largest "
        "difference of outputs: {:.1e} of the largest",
        other,
        timing.batch,
        timing.after,
        timing.before / timing.after,
        timing.difference);
  }
  return text;
}

nlohmann::ordered_json bench_json(
    const std::string& model,
    const std::string& other,
    const CompiledModel& compiled,
    const std::vector<ModelTiming>& others) {
  auto json = compiled_json(model, compiled);
  if (!other.empty()) {
    json["other"] = {
        {"model", other},
        {"difference", largest_difference(others)},
        {"whole", json_of(others)}};
  }
  return json;
}

} // namespace coppice::cli
