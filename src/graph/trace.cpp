#include "coppice/graph/trace.h"

#include "graph/constant_values.h"
#include "graph/trace_check.h"
#include "graph/trace_mirror.h"
#include "graph/trace_state.h"

#include <torch/csrc/jit/frontend/tracer.h>
#include <torch/csrc/jit/passes/dead_code_elimination.h>
#include <torch/csrc/jit/passes/shape_analysis.h>

#include <algorithm>

namespace coppice::detail {
namespace {

bool is_traceable(const c10::IValue& input) {
  const auto all = [](const auto& values) {
    return std::all_of(values.begin(), values.end(), is_traceable);
  };
  if (input.isTensor()) {
    return input.toTensor().defined();
  }
  if (input.isTuple()) {
    return all(input.toTupleRef().elements());
  }
  if (input.isList()) {
    return all(input.toList().vec());
  }
  if (input.isGenericDict()) {
    const auto items = input.toGenericDict();
    return std::all_of(items.begin(), items.end(), [](const auto& item) {
      return item.key().isString() && item.value().isTensor();
    });
  }
  return false;
}

void check_traceable(const TraceInputs& inputs, const char* what) {
  for (size_t i = 0; i < inputs.values().size(); ++i) {
    const auto& input = inputs.values()[i];
    TORCH_CHECK_VALUE(
        is_traceable(input),
        "trace: input ",
        i,
        what,
        " is a ",
        input.isTensor() ? "tensor that is undefined"
                         : input.type()->repr_str(),
        ", and a trace takes only tensors and tuples, lists and dictionaries "
        "of "
        "them; leave it out if it has a default, or bind it in a callable, "
        "trace(model, [&](torch::Tensor x) { ... }, inputs)");
  }
}

/// "input", or "input_1", "input_2".
std::vector<std::string> argument_names(size_t count) {
  std::vector<std::string> names{"input"};
  if (count != 1) {
    names.clear();
    for (size_t i = 1; i <= count; ++i) {
      names.push_back("input_" + std::to_string(i));
    }
  }
  return names;
}

/// Some messages of LibTorch's tracer contain a tensor's values or a backtrace.
[[noreturn]] void rethrow_clearly(const std::string& message) {
  const auto says = [&](const char* text) {
    return message.find(text) != std::string::npos;
  };
  TORCH_CHECK_VALUE(
      !says("Cannot insert a Tensor that requires grad as a constant"),
      "trace: the model uses a tensor that requires grad and is neither an "
      "input nor registered in the model; register it as a parameter, or "
      "detach it");
  TORCH_CHECK_VALUE(
      !says("did not have observable data dependence"),
      "trace: an output of the model does not depend on its inputs");
  throw;
}

Recording record(
    torch::jit::Module& self,
    const TracedCall& call,
    const TraceInputs& inputs) {
  Recording recording;
  recording.inputs = copies_of(inputs.values());
  const auto traced = [&](torch::jit::Stack stack) {
    recording.output = call(std::move(stack));
    return torch::jit::Stack{recording.output};
  };
  try {
    recording.graph = torch::jit::tracer::trace(
                          copies_of(inputs.values()),
                          traced,
                          [](const torch::Tensor&) { return std::string(); },
                          /*strict=*/false, // dictionaries as outputs
                          /*force_outplace=*/false,
                          &self,
                          argument_names(inputs.values().size()))
                          .first->graph;
  } catch (const std::exception& error) {
    rethrow_clearly(error.what());
  }
  torch::jit::EliminateDeadCode(recording.graph);
  // A copy: an output may be a buffer, which is restored later.
  recording.output = copies_of({recording.output})[0];
  return recording;
}

bool is_one(const torch::jit::Value* value) {
  const auto number = graph::constant_of<at::Scalar>(value);
  return number && number->equal(1);
}

/// Replaces `addmm(bias, x, weight.t())`, which `torch::nn::Linear` runs on a
/// matrix, by the equivalent `linear`. The executor may decompose an addmm,
/// which changes rounding, but not a linear. With more dimensions the layer
/// runs matmul and add, but `linear` an addmm: those ops stay.
void addmm_as_linear(torch::jit::Graph& graph) {
  std::vector<torch::jit::Node*> found;
  for (auto* node : graph.nodes()) {
    if (node->kind() == c10::aten::addmm && is_one(node->input(3)) &&
        is_one(node->input(4)) &&
        node->input(2)->node()->kind() == c10::aten::t) {
      found.push_back(node);
    }
  }
  for (auto* addmm : found) {
    auto* const linear = graph.create(
        c10::aten::linear,
        {addmm->input(1), addmm->input(2)->node()->input(), addmm->input(0)});
    linear->insertBefore(addmm);
    linear->copyMetadata(addmm);
    linear->output()->copyMetadata(addmm->output());
    addmm->output()->replaceAllUsesWith(linear->output());
    addmm->destroy();
  }
  torch::jit::EliminateDeadCode(graph.block());
}

void add_forward(
    torch::jit::Module& self,
    std::shared_ptr<torch::jit::Graph> graph) {
  addmm_as_linear(*graph);
  // Passes must not rely on the sizes of the example.
  torch::jit::EraseShapeInformation(graph);
  auto* const forward = self._ivalue()->compilation_unit()->create_function(
      c10::QualifiedName(*self.type()->name(), "forward"), graph);
  self.type()->addMethod(forward);
}

} // namespace

torch::jit::Module trace_call(
    torch::nn::Module& model,
    const TracedCall& call,
    const TraceInputs& example_inputs,
    const TraceOptions& options) {
  TORCH_CHECK_VALUE(
      !torch::jit::tracer::isTracing(),
      "trace: this thread is tracing already, and traces do not nest");
  check_traceable(example_inputs, "");
  check_traceable(options.check_inputs(), " of check_inputs");

  auto mirror = mirror_of(model, options.activation_sites());
  auto& self = mirror.root;
  const TracedSites traced_sites(mirror.sites);
  RunState state(model);
  const auto first = record(self, call, example_inputs);
  auto graph = first.graph;
  if (!options.check_inputs().values().empty()) {
    state.restore();
    const auto second = record(self, call, options.check_inputs());
    graph = checked_graph(first, second, self, [&] { state.restore(); });
  }
  add_forward(self, graph);
  return mirror.root;
}

} // namespace coppice::detail
