#include "graph/weight_follower.h"

#include <c10/util/Exception.h>
#include <torch/csrc/jit/api/function_impl.h>
#include <torch/csrc/jit/ir/constants.h>

#include <string_view>

#include "graph/value_flow.h"

namespace coppice::graph {
namespace {

using torch::jit::Block;
using torch::jit::Graph;
using torch::jit::Node;
using torch::jit::Value;

constexpr int64_t kMostSteps = 20'000'000;
constexpr int kDeepestCall = 200;

bool is_a(const Node& node, std::string_view kind) {
  return kind == node.kind().toQualString();
}

const Graph* body_of(const torch::jit::Function& function) {
  // Only a type query.
  const auto* graph = torch::jit::tryToGraphFunction(
      const_cast<torch::jit::Function&>(function));
  return graph == nullptr ? nullptr : graph->graph().get();
}

/// Whether a value can hold a tensor.
bool may_hold_tensors(const Value& value) {
  const auto kind = value.type()->kind();
  return kind != c10::TypeKind::IntType && kind != c10::TypeKind::FloatType &&
      kind != c10::TypeKind::BoolType && kind != c10::TypeKind::StringType &&
      kind != c10::TypeKind::NoneType && kind != c10::TypeKind::DeviceObjType &&
      kind != c10::TypeKind::NumberType;
}

} // namespace

void WeightFollower::follow(
    const c10::IValue& self,
    const torch::jit::Function& method) {
  const auto* graph = body_of(method);
  if (graph == nullptr) {
    return;
  }
  Values arguments(graph->inputs().size(), FollowedValue::input());
  if (!arguments.empty()) {
    arguments[0] = FollowedValue();
    arguments[0].known = self;
  }
  follow_graph(*graph, std::move(arguments));
}

WeightFollower::Values WeightFollower::follow_graph(
    const Graph& graph,
    Values arguments) {
  Frame frame;
  const size_t count = std::min(arguments.size(), graph.inputs().size());
  for (size_t i = 0; i < count; ++i) {
    frame[graph.inputs()[i]] = std::move(arguments[i]);
  }
  ++depth_;
  TORCH_CHECK_VALUE(depth_ <= kDeepestCall, "its calls are nested too deeply");
  follow_block(*graph.block(), frame);
  --depth_;
  Values results;
  for (const Value* output : graph.outputs()) {
    results.push_back(value_of(output, frame));
  }
  return results;
}

FollowedValue WeightFollower::value_of(const Value* value, const Frame& frame)
    const {
  const auto found = frame.find(value);
  return found == frame.end() ? FollowedValue() : found->second;
}

FollowedValue WeightFollower::input(const Node& node, size_t i, Frame& frame)
    const {
  return i < node.inputs().size() ? value_of(node.inputs()[i], frame)
                                  : FollowedValue();
}

void WeightFollower::follow_block(const Block& block, Frame& frame) {
  for (const Node* node : block.nodes()) {
    TORCH_CHECK_VALUE(++steps_ <= kMostSteps, "its code is too large");
    follow_node(*node, frame);
  }
}

void WeightFollower::follow_node(const Node& node, Frame& frame) {
  if (node.kind() == c10::prim::Constant) {
    if (const auto value = torch::jit::toIValue(node.output())) {
      auto& followed = frame[node.output()];
      followed.known = *value; // A constant is not a tensor of the module.
    }
  } else if (node.kind() == c10::prim::GetAttr) {
    follow_attribute(node, frame);
  } else if (
      node.kind() == c10::prim::CallMethod ||
      node.kind() == c10::prim::CallFunction ||
      node.hasAttribute(c10::attr::Subgraph)) {
    follow_call(node, frame);
  } else if (node.kind() == c10::prim::If) {
    follow_branches(node, frame);
  } else if (node.kind() == c10::prim::Loop) {
    follow_loop(node, frame);
  } else if (!follow_container(node, frame)) {
    follow_op(node, frame);
  }
}

void WeightFollower::follow_attribute(const Node& node, Frame& frame) {
  const auto owner = input(node, 0, frame);
  auto& result = frame[node.output()];
  if (!owner.known || !owner.known->isObject()) {
    result = owner;
    result.known.reset();
    return;
  }
  const auto object = owner.known->toObject();
  const auto slot = object->type()->findAttributeSlot(node.s(c10::attr::name));
  if (!slot) {
    return;
  }
  const auto value = object->getSlot(*slot);
  if (value.isObject()) {
    result.known = value;
  } else {
    result = FollowedValue::of(value);
    note_read(result);
  }
}

void WeightFollower::follow_call(const Node& node, Frame& frame) {
  Values arguments;
  for (const Value* value : node.inputs()) {
    arguments.push_back(value_of(value, frame));
  }
  const Graph* graph = nullptr;
  if (node.kind() == c10::prim::CallMethod) {
    const auto& self = arguments.at(0).known;
    if (self && self->isObject()) {
      const auto* method =
          self->toObject()->type()->findMethod(node.s(c10::attr::name));
      graph = method == nullptr ? nullptr : body_of(*method);
    }
  } else if (node.kind() == c10::prim::CallFunction) {
    const auto function = node.inputs()[0]->type()->cast<c10::FunctionType>();
    graph = function == nullptr ? nullptr : body_of(*function->function());
    arguments.erase(arguments.begin());
  } else {
    graph = node.g(c10::attr::Subgraph).get();
  }
  if (graph == nullptr) {
    has_unknown_calls_ = true;
    follow_unknown(node, frame);
    return;
  }
  const auto results = follow_graph(*graph, std::move(arguments));
  for (size_t i = 0; i < node.outputs().size() && i < results.size(); ++i) {
    frame[node.outputs()[i]] = results[i];
  }
}

void WeightFollower::follow_branches(const Node& node, Frame& frame) {
  for (const Block* block : node.blocks()) {
    follow_block(*block, frame);
  }
  for (size_t i = 0; i < node.outputs().size(); ++i) {
    auto result = value_of(node.blocks()[0]->outputs()[i], frame);
    result.join(value_of(node.blocks()[1]->outputs()[i], frame));
    frame[node.outputs()[i]] = std::move(result);
  }
}

/// The body is followed twice, which merges all values that can be carried
/// around the loop.
void WeightFollower::follow_loop(const Node& node, Frame& frame) {
  constexpr size_t kFirstCarried = 2; // After the trip count and condition.
  const Block& body = *node.blocks()[0];
  Values carried;
  for (size_t i = kFirstCarried; i < node.inputs().size(); ++i) {
    carried.push_back(input(node, i, frame));
  }
  for (int round = 0; round < 2; ++round) {
    frame[body.inputs()[0]] = FollowedValue();
    for (size_t i = 0; i < carried.size(); ++i) {
      frame[body.inputs()[i + 1]] = carried[i];
    }
    follow_block(body, frame);
    for (size_t i = 0; i < carried.size(); ++i) {
      carried[i].join(value_of(body.outputs()[i + 1], frame));
    }
  }
  for (size_t i = 0; i < carried.size(); ++i) {
    frame[node.outputs()[i]] = carried[i];
  }
}

/// Handles lists, tuples and dictionaries; false for other nodes.
bool WeightFollower::follow_container(const Node& node, Frame& frame) {
  const auto kind = node.kind();
  if (kind == c10::prim::ListConstruct || kind == c10::prim::TupleConstruct ||
      kind == c10::prim::DictConstruct) {
    FollowedValue made;
    auto items = std::make_shared<Values>();
    for (size_t i = 0; i < node.inputs().size(); ++i) {
      items->push_back(input(node, i, frame));
      made.add_origins(items->back().origins);
      made.is_input |= items->back().is_input;
    }
    if (kind != c10::prim::DictConstruct) {
      made.items = std::move(items);
    }
    frame[node.output()] = std::move(made);
    return true;
  }
  if (kind == c10::prim::ListUnpack || kind == c10::prim::TupleUnpack) {
    const auto whole = input(node, 0, frame);
    for (size_t i = 0; i < node.outputs().size(); ++i) {
      frame[node.outputs()[i]] = whole.item(i);
    }
    return true;
  }
  if (kind == c10::prim::TupleIndex || is_a(node, "aten::__getitem__")) {
    frame[node.output()] = input(node, 0, frame).item(input(node, 1, frame));
    return true;
  }
  if (is_a(node, "aten::append") || is_a(node, "aten::extend") ||
      is_a(node, "aten::insert") || is_a(node, "aten::_set_item")) {
    auto& list = frame[node.inputs()[0]];
    list.known.reset();
    list.items.reset();
    for (size_t i = 1; i < node.inputs().size(); ++i) {
      const auto item = input(node, i, frame);
      list.add_origins(item.origins);
      list.is_input |= item.is_input;
    }
    return true;
  }
  return false;
}

void WeightFollower::follow_op(const Node& node, Frame& frame) {
  note_weights(node, frame);
  FollowedValue result;
  bool is_input = false;
  std::vector<FollowedValue> inputs;
  for (size_t i = 0; i < node.inputs().size(); ++i) {
    inputs.push_back(input(node, i, frame));
    is_input |= inputs.back().is_input;
  }
  std::vector<const FollowedValue*> arguments;
  for (size_t i = 1; i < inputs.size(); ++i) {
    arguments.push_back(&inputs[i]);
  }
  const bool has_roles =
      !all_op_roles(node.kind()).empty() || is_a(node, "aten::einsum");
  const auto flow = has_roles ? ValueFlow::kNothing : value_flow(node.kind());
  switch (flow) {
    case ValueFlow::kView:
      if (!inputs.empty()) {
        result = view_of(node, inputs[0], arguments);
      }
      break;
    case ValueFlow::kLookup:
      follow_lookup(node, frame);
      return;
    case ValueFlow::kArithmetic:
      for (const auto& each : inputs) {
        result.add_origins(each.origins);
      }
      for (auto& origin : result.origins) {
        origin.is_computed = true;
      }
      break;
    case ValueFlow::kNothing:
      break;
    case ValueFlow::kUnknown:
      follow_unknown(node, frame);
      return;
  }
  result.is_input |= is_input;
  for (const Value* output : node.outputs()) {
    frame[output] = result;
  }
}

/// A lookup by an input reads rows of a matrix, as an embedding does. With more
/// dimensions it selects whole matrices, such as experts: those are weights.
void WeightFollower::follow_lookup(const Node& node, Frame& frame) {
  const auto from = input(node, 0, frame);
  bool is_chosen = false;
  for (size_t i = 1; i < node.inputs().size(); ++i) {
    is_chosen |= input(node, i, frame).is_input;
  }
  FollowedValue result;
  result.is_input = from.is_input;
  for (auto origin : from.origins) {
    const bool is_matrix = origin.tensor.dim() <= 2;
    if (is_chosen && is_matrix && !from.is_input) {
      FollowedValue table;
      table.origins = {origin};
      note(table, {"", "embedding", OpFamily::kEmbedding}, {});
      result.is_input = true;
      continue;
    }
    origin.axes.clear();
    result.origins.push_back(std::move(origin));
  }
  result.is_input |= is_chosen && from.origins.empty();
  frame[node.output()] = std::move(result);
}

void WeightFollower::follow_unknown(const Node& node, Frame& frame) {
  bool is_input = false;
  bool gives_tensors = false;
  for (const Value* output : node.outputs()) {
    gives_tensors |= may_hold_tensors(*output);
  }
  for (size_t i = 0; i < node.inputs().size(); ++i) {
    const auto value = input(node, i, frame);
    is_input |= value.is_input;
    // Values that depend on inputs are activations.
    if (gives_tensors && !value.is_input) {
      note_unclear(value);
    }
  }
  for (const Block* block : node.blocks()) {
    follow_block(*block, frame);
  }
  for (const Value* output : node.outputs()) {
    frame[output].is_input = is_input;
  }
}

} // namespace coppice::graph
