#include "graph/model_inputs.h"

#include <torch/csrc/jit/passes/inliner.h>
#include <torch/csrc/jit/runtime/graph_iterator.h>

#include <algorithm>

#include "graph/value_text.h"

namespace coppice::graph {
namespace {

std::string names_of(
    const std::vector<c10::Argument>& arguments,
    size_t begin,
    size_t end) {
  std::vector<std::string> names;
  for (size_t i = begin; i < end; ++i) {
    names.push_back("`" + arguments[i].name() + "`");
  }
  return c10::Join(", ", names);
}

/// "2 inputs (`x`, `mask`)", "1 to 2 inputs (...)"
std::string taken(const std::vector<c10::Argument>& arguments, size_t needed) {
  const size_t all = arguments.size();
  if (all == 0) {
    return "no inputs";
  }
  return c10::str(
      needed == all ? "" : std::to_string(needed) + " to ",
      all,
      all == 1 ? " input (" : " inputs (",
      names_of(arguments, 0, all),
      ")");
}

} // namespace

std::vector<c10::Argument> arguments_of(const torch::jit::Module& module) {
  const auto forward = module.find_method("forward");
  TORCH_CHECK_VALUE(
      forward.has_value(), "the model has no method `forward` to run");
  const auto& all = forward->function().getSchema().arguments();
  return {all.begin() + 1, all.end()}; // Without the module itself.
}

void check_count(const torch::jit::Module& module, size_t count) {
  const auto arguments = arguments_of(module);
  size_t needed = arguments.size();
  while (needed > 0 && arguments[needed - 1].default_value()) {
    --needed;
  }
  TORCH_CHECK_VALUE(
      count >= needed,
      "the model takes ",
      taken(arguments, needed),
      " and got ",
      count,
      ": ",
      names_of(arguments, count, std::max(count, needed)),
      needed - count == 1 ? " is missing" : " are missing");
  TORCH_CHECK_VALUE(
      count <= arguments.size(),
      "the model takes ",
      taken(arguments, needed),
      " and got ",
      count,
      ": leave out the others");
}

void check_inputs(
    const torch::jit::Module& module,
    const std::vector<c10::IValue>& inputs) {
  check_count(module, inputs.size());
  const auto arguments = arguments_of(module);
  for (size_t i = 0; i < inputs.size(); ++i) {
    const auto& type = *arguments[i].type();
    TORCH_CHECK_VALUE(
        inputs[i].type()->isSubtypeOf(type),
        "input `",
        arguments[i].name(),
        "` of the model is ",
        type_text(type),
        " but got ",
        value_text(inputs[i]));
  }
}

bool takes_gradients(const torch::jit::Module& module) {
  const auto forward = module.find_method("forward");
  if (!forward) {
    return false;
  }
  auto graph = forward->graph()->copy();
  torch::jit::Inline(*graph);
  torch::jit::DepthFirstGraphNodeIterator nodes(graph);
  for (auto* node = nodes.next(); node != nullptr; node = nodes.next()) {
    const std::string kind = node->kind().toQualString();
    if (kind == "aten::grad" || kind == "aten::backward") {
      return true;
    }
  }
  return false;
}

} // namespace coppice::graph
