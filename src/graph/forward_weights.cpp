#include "graph/forward_weights.h"

#include <torch/csrc/jit/passes/inliner.h>

#include <algorithm>
#include <map>
#include <memory>

#include "graph/op_roles.h"

namespace coppice::graph {
namespace {

using torch::jit::Graph;
using torch::jit::Node;
using torch::jit::Use;
using torch::jit::Value;

std::shared_ptr<Graph> inlined_forward(Instance& instance) {
  auto* const forward = find_method(instance, "forward");
  if (forward == nullptr) {
    return nullptr;
  }
  auto graph = forward->graph()->copy();
  torch::jit::Inline(*graph);
  return graph;
}

bool is_weight_of_op(const Use& use) {
  const auto* const roles = op_roles(use.user->kind());
  if (roles == nullptr) {
    return false;
  }
  const auto index = static_cast<int>(use.offset);
  const bool is_weight =
      index >= roles->weight && index < roles->weight + roles->weights;
  return is_weight || index == roles->bias;
}

/// Whether a value that depends only on attributes is used only in weights of
/// ops.
bool feeds_weights(Value* value, const MethodValues& values);

/// Whether all tensor inputs of a node depend only on attributes.
bool takes_attributes_alone(Node* node, const MethodValues& values) {
  const auto inputs = node->inputs();
  return std::all_of(inputs.begin(), inputs.end(), [&](Value* input) {
    return input->node()->kind() == c10::prim::Constant ||
        values.attribute_of(input) != nullptr;
  });
}

bool feeds_weights(Value* value, const MethodValues& values) {
  const auto& uses = value->uses();
  return !uses.empty() &&
      std::all_of(uses.begin(), uses.end(), [&](const Use& use) {
        return is_weight_of_op(use) ||
            (use.user->kind() != c10::prim::Return &&
             use.user->outputs().size() == 1 &&
             takes_attributes_alone(use.user, values) &&
             feeds_weights(use.user->output(), values));
      });
}

void add_parameters(const Reach& forward, std::set<Member>& weights) {
  for (const auto& [instance, name] : forward.attributes()) {
    const auto slot = instance->type()->findAttributeSlot(name);
    if (slot && instance->type()->is_parameter(*slot)) {
      weights.insert({instance, name});
    }
  }
}

void add_weight_buffers(
    const torch::jit::Module& module,
    std::set<Member>& weights) {
  auto graph = inlined_forward(*module._ivalue());
  const MethodValues values(*graph, module._ivalue().get());
  std::map<Member, bool> buffers;
  for (auto* node : values.nodes()) {
    if (node->kind() != c10::prim::GetAttr) {
      continue;
    }
    const auto* const read = values.attribute_of(node->output());
    if (read != nullptr && node->output()->type()->cast<c10::TensorType>()) {
      auto& feeds =
          buffers.emplace(Member{read->owner, read->name}, true).first->second;
      feeds = feeds && feeds_weights(node->output(), values);
    }
  }
  for (const auto& [buffer, feeds] : buffers) {
    if (feeds) {
      weights.insert(buffer);
    }
  }
}

bool has_batch_norm(Instance& instance) {
  static const std::set<c10::Symbol> kinds{
      c10::Symbol::fromQualString("aten::batch_norm"),
      c10::Symbol::fromQualString("aten::instance_norm")};
  auto graph = inlined_forward(instance);
  if (!graph) {
    return false;
  }
  const auto values = MethodValues(*graph, &instance);
  return std::any_of(
      values.nodes().begin(), values.nodes().end(), [](const Node* node) {
        return kinds.count(node->kind()) != 0;
      });
}

void add_statistics(Reach& forward, std::set<Member>& weights) {
  std::set<Instance*> owners;
  for (const auto& [instance, name] : forward.attributes()) {
    if (name == "running_mean") {
      owners.insert(instance);
    }
  }
  for (auto* const owner : owners) {
    if (!has_batch_norm(*owner)) {
      continue;
    }
    for (const char* name :
         {"running_mean", "running_var", "num_batches_tracked"}) {
      weights.insert({owner, name});
    }
  }
}

} // namespace

std::set<Member> forward_weights(const torch::jit::Module& module) {
  Reach forward(module);
  forward.add(module._ivalue().get(), "forward");
  std::set<Member> weights;
  add_parameters(forward, weights);
  add_weight_buffers(module, weights);
  add_statistics(forward, weights);
  return weights;
}

} // namespace coppice::graph
