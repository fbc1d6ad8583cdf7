#include "graph/site_readers.h"

#include <ATen/ATen.h>
#include <torch/csrc/jit/passes/constant_propagation.h>
#include <torch/csrc/jit/passes/inliner.h>

#include <algorithm>
#include <optional>

#include "graph/method_values.h"
#include "graph/op_roles.h"
#include "graph/site_node.h"

namespace coppice::graph {
namespace {

using torch::Tensor;
using torch::jit::Node;
using torch::jit::Value;

/// What a value is that is computed of attributes and constants alone.
std::optional<c10::IValue> computed(Value* value, const MethodValues& values) {
  if (const auto constant = torch::jit::toIValue(value)) {
    return *constant;
  }
  Node* const node = value->node();
  const auto* attribute = values.attribute_of(value);
  if (attribute == nullptr) {
    return std::nullopt;
  }
  if (node->kind() == c10::prim::GetAttr) {
    return attribute->owner->getAttr(attribute->name);
  }
  if (node->maybeOperator() == nullptr) {
    return std::nullopt; // A list.
  }
  torch::jit::Stack stack;
  for (Value* input : node->inputs()) {
    auto argument = computed(input, values);
    if (!argument) {
      return std::nullopt;
    }
    stack.push_back(*std::move(argument));
  }
  const torch::NoGradGuard no_grad;
  node->getOperation()(stack);
  return stack.back();
}

/// Whether a value that is a view of an attribute is one of something else: an
/// input that is cast to the type of a weight.
bool depends_on_input(Value* value, const MethodValues& values) {
  return value->node()->kind() != c10::prim::ListConstruct &&
      !computed(value, values).has_value();
}

Tensor tensor_of(const Attribute& attribute) {
  const auto value = attribute.owner->getAttr(attribute.name);
  return value.isTensor() ? value.toTensor() : Tensor();
}

/// "linear", for messages.
std::string layer_of(const Node& node) {
  const auto rows = all_op_roles(node.kind());
  return rows.empty() ? node.kind().toUnqualString() : rows.front().layer;
}

/// Whether `node` takes its input `index` as a weight, or a list of them.
bool is_weight(const Node& node, int index) {
  auto rows = all_op_roles(node.kind());
  if (const auto* left = left_op_roles(node.kind())) {
    rows.push_back(*left);
  }
  return std::any_of(rows.begin(), rows.end(), [&](const OpRoles& roles) {
    return index >= roles.weight && index < roles.weight + roles.weights;
  });
}

/// The op's roles where its input `index` is the weight.
const OpRoles* roles_with(const Node& node, int index) {
  const auto* roles = op_roles(node.kind());
  return roles != nullptr && roles->weight == index
      ? roles
      : left_op_roles(node.kind());
}

/// What is read of a node; says why if it is nothing.
std::string
read(Node* node, int weight, const MethodValues& values, SiteReader& reader) {
  const auto* roles = roles_with(*node, weight);
  if (roles == nullptr || roles->family != OpFamily::kProduct) {
    return "samples do not tell of the inputs of `" + layer_of(*node) + "`";
  }
  reader.op = node->kind().toQualString();
  reader.activation = static_cast<size_t>(roles->activation);
  reader.weight = static_cast<size_t>(weight);
  Node* const site = node->inputs()[reader.activation]->node();
  if (!is_site_node(*site)) {
    return "what enters its `" + layer_of(*node) +
        "` does not come straight from an activation site; call "
        "`with_activation_sites` first, and leave out layers that change their "
        "input before";
  }
  reader.site = site_of(*site, values);
  for (Value* input : node->inputs()) {
    reader.inputs.push_back(computed(input, values).value_or(c10::IValue()));
  }
  const auto calls = reader.example();
  return calls.size() == 1
      ? ""
      : "its `" + layer_of(*node) + "` takes it in a way that is not known";
}

} // namespace

bool reads_alike(const WeightedCall& a, const WeightedCall& b) {
  return a.is_conv == b.is_conv && a.groups == b.groups &&
      a.steps.stride == b.steps.stride && a.steps.padding == b.steps.padding &&
      a.steps.dilation == b.steps.dilation &&
      a.weight.sizes() == b.weight.sizes() &&
      a.weight.strides() == b.weight.strides();
}

std::vector<WeightedCall> SiteReader::calls(const Tensor& x) const {
  auto arguments = inputs;
  arguments[activation] = x;
  const auto& taken = arguments[weight].toTensor();
  const c10::ArrayRef<const c10::IValue> all(
      arguments.data(), arguments.size());
  auto found = weighted_calls(op.c_str(), all, [&](const Tensor& each) {
    return each.is_same(taken) ? int64_t(0) : int64_t(-1);
  });
  return std::move(found.calls);
}

std::vector<WeightedCall> SiteReader::example() const {
  const auto kind = c10::Symbol::fromQualString(op);
  const auto* roles = op_roles(kind);
  const bool is_left =
      roles == nullptr || static_cast<size_t>(roles->weight) != weight;
  roles = is_left ? left_op_roles(kind) : roles;
  if (roles == nullptr || !inputs[weight].isTensor()) {
    return {};
  }
  const auto& taken = inputs[weight].toTensor();
  std::vector<int64_t> sizes;
  if (roles->groups >= 0) {
    const auto& groups = inputs.at(roles->groups);
    if (!groups.isInt() || taken.dim() < 3) {
      return {};
    }
    sizes.assign(taken.dim(), 1);
    sizes[1] = taken.size(1) * groups.toInt();
  } else if (taken.dim() == 2 && roles->in_dim >= 0) {
    const auto features = taken.size(roles->in_dim);
    sizes = is_left ? std::vector<int64_t>{features, 1}
                    : std::vector<int64_t>{1, features};
  } else {
    return {};
  }
  return calls(at::zeros(sizes, taken.options()));
}

SiteReaders::SiteReaders(const torch::jit::Module& module) {
  for (const auto& method : module.get_methods()) {
    auto graph = method.graph()->copy();
    torch::jit::Inline(*graph);
    torch::jit::ConstantPropagation(graph);
    add_uses(*graph, module._ivalue().get());
  }
}

void SiteReaders::add_uses(torch::jit::Graph& graph, Instance* self) {
  const MethodValues values(graph, self);
  for (Node* node : values.nodes()) {
    for (size_t i = 0; i < node->inputs().size(); ++i) {
      const auto* attribute = values.attribute_of(node->inputs()[i]);
      if (attribute == nullptr || !is_weight(*node, static_cast<int>(i)) ||
          depends_on_input(node->inputs()[i], values)) {
        continue;
      }
      Use use;
      use.tensor = tensor_of(*attribute);
      use.why_none = read(node, static_cast<int>(i), values, use.reader);
      uses_.push_back(std::move(use));
    }
  }
}

std::vector<SiteReader> SiteReaders::of(const Tensor& tensor) const {
  std::vector<SiteReader> readers;
  for (const auto& use : uses_) {
    if (!use.tensor.defined() || !use.tensor.is_same(tensor)) {
      continue;
    }
    TORCH_CHECK_VALUE(use.why_none.empty(), use.why_none);
    const auto call = use.reader.example().front();
    const auto known = std::find_if(
        readers.begin(), readers.end(), [&](const SiteReader& each) {
          return each.site == use.reader.site;
        });
    if (known == readers.end()) {
      readers.push_back(use.reader);
    }
    TORCH_CHECK_VALUE(
        reads_alike(call, readers.front().example().front()),
        "ops take it in different ways");
  }
  TORCH_CHECK_VALUE(
      !readers.empty(),
      "no op of the model takes it as its weight, as it is stored");
  return readers;
}

} // namespace coppice::graph
