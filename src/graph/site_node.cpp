#include "graph/site_node.h"

#include <torch/csrc/jit/ir/constants.h>
#include <torch/custom_class.h>

#include "graph/clone_with_changes.h"

namespace coppice::graph {
namespace {

using torch::jit::Graph;
using torch::jit::Node;
using torch::jit::Value;

c10::Symbol site_op() {
  static const auto op =
      c10::Symbol::fromQualString("coppice::activation_site");
  return op;
}

c10::TypePtr site_type() {
  return c10::getCustomClassType<SitePtr>();
}

/// Inserts a pass through the site of `module` at the graph's insert point.
Node* insert_site(Graph& graph, Value* activation, Value* module) {
  Node* const site =
      graph.insertNode(graph.create(c10::prim::GetAttr, {module}));
  site->s_(c10::attr::name, kSiteAttribute);
  site->output()->setType(site_type());
  Node* const call =
      graph.insertNode(graph.create(site_op(), {activation, site->output()}));
  call->output()->setType(c10::TensorType::get());
  return call;
}

/// A mask as a constant, with the dtype and device of the activation.
Value* constant_mask(Graph& graph, const torch::Tensor& mask, Value* like) {
  Value* const constant = graph.insertConstant(mask.detach().clone());
  return graph.insert(c10::aten::type_as, {constant, like});
}

/// Inserts the ops of `masked_activation` at the graph's insert point.
Value*
insert_mask(Graph& graph, Value* activation, const ActivationMask& mask) {
  if (!mask.has_features) {
    // Expanded, so that a mask of a wrong shape is an error and does not
    // broadcast the activation.
    Value* const fitting = graph.insert(
        c10::aten::expand_as,
        {constant_mask(graph, mask.masks.at(0), activation), activation});
    return graph.insert(c10::aten::mul, {activation, fitting});
  }
  Value* const masked = graph.insert(c10::aten::clone, {activation});
  for (size_t i = 0; i < mask.features.size(); ++i) {
    Value* const slice = graph.insert(
        c10::aten::narrow, {masked, mask.feature_dim, mask.features[i], 1});
    graph.insert(
        c10::Symbol::fromQualString("aten::mul_"),
        {slice, constant_mask(graph, mask.masks.at(i), activation)});
  }
  return masked;
}

} // namespace

bool is_site_type(const c10::TypePtr& type) {
  return *type == *site_type();
}

bool is_site_node(const Node& node) {
  return node.kind() == site_op();
}

SitePtr site_of(const Node& call, const MethodValues& values) {
  Value* const site = const_cast<Node&>(call).inputs()[1];
  if (const auto constant = torch::jit::toIValue(site)) {
    return constant->toCustomClass<ActivationSite>();
  }
  const Attribute* const attribute = values.attribute_of(site);
  TORCH_CHECK_VALUE(
      attribute != nullptr && attribute->name == kSiteAttribute,
      "a call of `coppice::activation_site` uses a site that is not a module's "
      "attribute `",
      kSiteAttribute,
      "`; only those can be removed");
  return attribute->owner->getAttr(kSiteAttribute)
      .toCustomClass<ActivationSite>();
}

void insert_site_before(Node* node, size_t index, Value* module) {
  Graph& graph = *node->owningGraph();
  const torch::jit::WithInsertPoint here(node);
  node->replaceInput(
      index, insert_site(graph, node->inputs()[index], module)->output());
}

void insert_site_at_start(Graph& graph, size_t index) {
  const torch::jit::WithInsertPoint here(*graph.nodes().begin());
  Value* const activation = graph.inputs()[index];
  Node* const site = insert_site(graph, activation, graph.inputs()[0]);
  activation->replaceAllUsesAfterNodeWith(site, site->output());
}

void replace_by_masks(Node* node, const MethodValues& values) {
  const auto masks = site_of(*node, values)->masks();
  Graph& graph = *node->owningGraph();
  const torch::jit::WithInsertPoint here(node);
  Value* activation = node->inputs()[0];
  for (const ActivationMask& mask : masks) {
    activation = insert_mask(graph, activation, mask);
  }
  Node* const site = node->inputs()[1]->node();
  node->output()->replaceAllUsesWith(activation);
  node->destroy();
  if (!site->output()->hasUses()) {
    site->destroy();
  }
}

} // namespace coppice::graph
