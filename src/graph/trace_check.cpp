#include "graph/trace_check.h"

#include "coppice/core/values.h"
#include "core/site_scopes.h"
#include "graph/trace_compare.h"
#include "graph/trace_sizes.h"

#include <torch/csrc/jit/api/function_impl.h>
#include <torch/csrc/jit/ir/constants.h>
#include <torch/csrc/jit/passes/dead_code_elimination.h>
#include <torch/utils.h>

#include <algorithm>

namespace coppice::detail {
namespace {

using torch::jit::Graph;

bool close_tensors(const torch::Tensor& a, const torch::Tensor& b) {
  if (!a.defined() || !b.defined()) {
    return a.defined() == b.defined();
  }
  if (a.scalar_type() != b.scalar_type() || a.sizes() != b.sizes() ||
      a.device() != b.device()) {
    return false;
  }
  // Equal bits on a CPU; some devices sum in varying order.
  return a.equal(b) ||
      ((a.is_floating_point() || a.is_complex()) &&
       a.allclose(b, /*rtol=*/1e-5, /*atol=*/1e-6, /*equal_nan=*/true));
}

template <typename Range>
bool close_ranges(const Range& a, const Range& b);

bool close_values(const c10::IValue& a, const c10::IValue& b) {
  const auto is_tensor = [](const c10::IValue& value) {
    return value.isTensor() || value.isNone();
  };
  const auto tensor = [](const c10::IValue& value) {
    return value.isTensor() ? value.toTensor() : torch::Tensor();
  };
  if (is_tensor(a) && is_tensor(b)) {
    return close_tensors(tensor(a), tensor(b));
  }
  if (a.isTuple() && b.isTuple()) {
    return close_ranges(a.toTupleRef().elements(), b.toTupleRef().elements());
  }
  if (a.isList() && b.isList()) {
    return close_ranges(a.toList().vec(), b.toList().vec());
  }
  if (a.isGenericDict() && b.isGenericDict()) {
    const auto here = a.toGenericDict();
    const auto there = b.toGenericDict();
    return here.size() == there.size() &&
        std::all_of(here.begin(), here.end(), [&](const auto& item) {
             return there.contains(item.key()) &&
                 close_values(item.value(), there.at(item.key()));
           });
  }
  return same_value(a, b);
}

template <typename Range>
bool close_ranges(const Range& a, const Range& b) {
  return a.size() == b.size() &&
      std::equal(a.begin(), a.end(), b.begin(), close_values);
}

/// Runs a copy, as the executor rewrites a graph.
bool gives_outputs_of(
    const Graph& graph,
    const Recording& recording,
    const torch::jit::Module& self,
    const std::function<void()>& before_run) {
  before_run();
  const QuietSites quiet;
  torch::jit::GraphFunction function(
      c10::QualifiedName("checked"), const_cast<Graph&>(graph).copy(), nullptr);
  torch::jit::Stack stack{self._ivalue()};
  for (auto& input : copies_of(recording.inputs)) {
    stack.push_back(std::move(input));
  }
  try {
    function.run(stack);
  } catch (const std::exception&) {
    return false;
  }
  return stack.size() == 1 && close_values(stack[0], recording.output);
}

std::string text_of(const torch::jit::Node* constant) {
  const auto value = torch::jit::toIValue(constant->output());
  if (!value) {
    return "another value";
  }
  if (value->isTensor() && value->toTensor().defined() &&
      value->toTensor().dim() == 0) {
    return to_python_string(
        value->toTensor().is_floating_point()
            ? c10::IValue(value->toTensor().item<double>())
            : c10::IValue(value->toTensor().item<int64_t>()));
  }
  return to_python_string(*value);
}

void warn_of(const std::vector<ConstantPair>& constants) {
  const auto& first = constants.front();
  TORCH_WARN(
      "trace: ",
      text_of(first.here),
      " in ",
      place_of(first.here),
      " is a constant of the trace but ",
      text_of(first.there),
      " for check_inputs",
      constants.size() == 1
          ? ""
          : ", and " + std::to_string(constants.size() - 1) + " more are",
      "; compute it by tensor operations, or, if it is a size (-1 and "
      "flatten(1) follow the input), give check_inputs in which all sizes that "
      "may change differ from the example's and from each other");
}

} // namespace

std::shared_ptr<Graph> checked_graph(
    const Recording& first,
    const Recording& second,
    const torch::jit::Module& self,
    const std::function<void()>& before_run) {
  // Warnings name nodes that `follow_sizes` may remove.
  const auto as_recorded = first.graph->copy();
  const auto comparison = compare_traces(*first.graph, *second.graph);
  if (!comparison.difference.empty()) {
    TORCH_WARN(
        "trace: for check_inputs ",
        comparison.difference,
        "; a trace keeps one path through code that depends on its inputs");
    return as_recorded;
  }
  const auto stay = follow_sizes(*first.graph, comparison);
  if (!stay.empty()) {
    warn_of(stay);
  }
  torch::jit::EliminateDeadCode(first.graph);
  const auto holds = [&](const Graph& graph, const Recording& recording) {
    return gives_outputs_of(graph, recording, self, before_run);
  };
  const bool holds_first = holds(*first.graph, first);
  if (!holds_first || (stay.empty() && !holds(*first.graph, second))) {
    TORCH_WARN(
        "trace: the trace gives another output than the model for ",
        holds_first ? "check_inputs" : "its own example inputs",
        "; the model depends on something that is neither input, parameter nor "
        "buffer");
    return as_recorded;
  }
  return first.graph;
}

std::vector<c10::IValue> copies_of(const std::vector<c10::IValue>& values) {
  std::vector<c10::IValue> copies;
  for (const auto& value : values) {
    const torch::NoGradGuard no_grad;
    copies.push_back(value.deepcopy());
    if (value.isTensor() && value.toTensor().requires_grad()) {
      copies.back().toTensor().requires_grad_();
    }
  }
  return copies;
}

} // namespace coppice::detail
