#include "cli/model_inputs.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <regex>

#include "cli/errors.h"
#include "cli/example_file.h"
#include "cli/input_shapes.h"
#include "graph/map_tensors.h"
#include "graph/model_inputs.h"

namespace coppice::cli {
namespace {

constexpr const char* kInputHelp =
    "Make up an input of this shape, or give a value: 1x3x32x32, "
    "2x6:int64[0,5], =0.5; see below";

constexpr const char* kInputsHelp =
    "Read the inputs from a file instead of --input; see below";

} // namespace

std::string InputOptions::text() const {
  return file.empty() ? fmt::format("{}", fmt::join(inputs, ", ")) : file;
}

void add_input_options(CLI::App& command, InputOptions& options) {
  auto* each = command.add_option("--input", options.inputs, kInputHelp)
                   ->type_name("SHAPE")
                   ->allow_extra_args(false);
  command.add_option("--inputs", options.file, kInputsHelp)
      ->type_name("FILE")
      ->excludes(each);
}

std::vector<c10::IValue> model_inputs(
    const InputOptions& options,
    const torch::jit::Module& module) {
  try {
    graph::arguments_of(module);
  } catch (const c10::ValueError& error) {
    throw InputError(fmt::format(
        "{}; only what `forward` computes is measured.",
        error.what_without_backtrace()));
  }
  if (options.file.empty()) {
    return inputs_from(options.inputs, module);
  }
  auto inputs = inputs_in_file(options.file, module);
  for (auto& input : inputs) { // A model may write to them.
    input = graph::copy_of(input);
  }
  return inputs;
}

std::string with_advice(
    const std::string& message,
    const InputOptions& options) {
  static const std::regex wants_integers(
      "(scalar types?:?|indices must be) (int64|int32)");
  const bool lacks_integers = std::regex_search(message, wants_integers) &&
      message.find("dtypes do not fit") != std::string::npos;
  if (lacks_integers && !options.inputs.empty()) {
    const auto& first = options.inputs.front();
    return fmt::format(
        "{}; give integers, as in --input {}:int64[0,5]",
        message,
        first.substr(0, first.find_first_of(":[")));
  }
  static const std::regex is_index("[iI]nd(ex|ices)\\b.*out of (range|bounds)");
  static const std::regex size("with size (\\d+)");
  const auto made_up = std::find_if(
      options.inputs.begin(), options.inputs.end(), is_of_integers);
  if (made_up == options.inputs.end() ||
      !std::regex_search(message, is_index)) {
    return message;
  }
  std::smatch found;
  const bool is_known = std::regex_search(message, found, size);
  return fmt::format(
      "{}; say which integers it takes, as in --input {}[0,{}]",
      message,
      made_up->substr(0, made_up->find('[')),
      is_known ? std::max(std::stoll(found[1]) - 1, 0LL) : 5);
}

} // namespace coppice::cli
