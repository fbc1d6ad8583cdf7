#include "graph/trace_compare.h"

#include "coppice/core/values.h"
#include "core/fqn.h"

#include <torch/csrc/jit/ir/constants.h>

#include <cmath>

namespace coppice::detail {
namespace {

using torch::jit::Block;
using torch::jit::Graph;
using torch::jit::Node;
using torch::jit::Value;

bool same_constant(const Node* here, const Node* there) {
  const auto a = torch::jit::toIValue(here->output());
  const auto b = torch::jit::toIValue(there->output());
  if (!a || !b) {
    return a.has_value() == b.has_value();
  }
  const bool both_nan = a->isDouble() && b->isDouble() &&
      std::isnan(a->toDouble()) && std::isnan(b->toDouble());
  return both_nan || same_value(*a, *b);
}

bool same_name(const Node* here, const Node* there) {
  return here->kind() != c10::prim::GetAttr ||
      here->s(c10::attr::name) == there->s(c10::attr::name);
}

class Comparer {
 public:
  explicit Comparer(TraceComparison& comparison) : comparison_(comparison) {}

  /// False at the first difference.
  bool blocks(Block* here, Block* there) {
    if (!pair_up(here->inputs(), there->inputs())) {
      return part(here->param_node(), there->param_node());
    }
    auto a = here->nodes().begin();
    auto b = there->nodes().begin();
    for (; a != here->nodes().end() && b != there->nodes().end(); ++a, ++b) {
      if (!nodes(*a, *b)) {
        return part(*a, *b);
      }
    }
    if (a != here->nodes().end() || b != there->nodes().end() ||
        !are_partners(here->outputs(), there->outputs())) {
      return part(
          a == here->nodes().end() ? here->return_node() : *a,
          b == there->nodes().end() ? there->return_node() : *b);
    }
    return true;
  }

 private:
  bool nodes(Node* here, Node* there) {
    if (here->kind() != there->kind() || !same_name(here, there) ||
        here->blocks().size() != there->blocks().size() ||
        !are_partners(here->inputs(), there->inputs()) ||
        !pair_up(here->outputs(), there->outputs())) {
      return false;
    }
    if (here->kind() == c10::prim::Constant && !same_constant(here, there)) {
      comparison_.constants.push_back({here, there});
    }
    for (size_t i = 0; i < here->blocks().size(); ++i) {
      if (!blocks(here->blocks()[i], there->blocks()[i])) {
        return false;
      }
    }
    return true;
  }

  template <typename Values>
  bool pair_up(const Values& here, const Values& there) {
    if (here.size() != there.size()) {
      return false;
    }
    for (size_t i = 0; i < here.size(); ++i) {
      comparison_.partners[here[i]] = there[i];
    }
    return true;
  }

  template <typename Values>
  bool are_partners(const Values& here, const Values& there) const {
    if (here.size() != there.size()) {
      return false;
    }
    for (size_t i = 0; i < here.size(); ++i) {
      const auto found = comparison_.partners.find(here[i]);
      if (found == comparison_.partners.end() || found->second != there[i]) {
        return false;
      }
    }
    return true;
  }

  bool part(Node* here, Node* there) {
    if (comparison_.difference.empty()) {
      comparison_.difference = "the model continues with " + place_of(there) +
          " where the trace has " + place_of(here);
    }
    return false;
  }

  TraceComparison& comparison_;
};

/// The FQN of a module's tensor, "fc1.weight"; empty for other values.
std::string fqn_of(const Value* value) {
  const auto* const node = value->node();
  if (node->kind() != c10::prim::GetAttr) {
    return "";
  }
  return join_fqn(fqn_of(node->input()), node->s(c10::attr::name));
}

std::string used_tensor(const Node* node) {
  for (const auto* input : node->inputs()) {
    if (input->type()->isSubtypeOf(*c10::TensorType::get())) {
      const auto fqn = fqn_of(input);
      if (!fqn.empty()) {
        return fqn;
      }
    }
  }
  return "";
}

} // namespace

TraceComparison compare_traces(Graph& here, Graph& there) {
  TraceComparison comparison;
  Comparer(comparison).blocks(here.block(), there.block());
  return comparison;
}

Node* operation_of(Node* node) {
  while ((node->kind() == c10::prim::Constant ||
          node->kind() == c10::prim::ListConstruct) &&
         node->outputs().size() == 1 && !node->output()->uses().empty()) {
    node = node->output()->uses()[0].user;
  }
  return node;
}

std::string place_of(Node* node) {
  auto* const operation = operation_of(node);
  const std::string what = operation->kind() == c10::prim::Return
      ? "the output"
      : "`" + std::string(operation->kind().toQualString()) + "`";
  // A list may also hold parameters, as for an LSTM.
  for (auto* each = operation; each->kind() != c10::prim::Param;
       each = each->prev()) {
    const auto fqn = used_tensor(each);
    if (!fqn.empty()) {
      return what + (each == operation ? " (at `" : " (after `") + fqn + "`)";
    }
  }
  return what;
}

} // namespace coppice::detail
