// How WeightFollower records ops with a weight.

#include <algorithm>
#include <string>
#include <string_view>

#include "graph/weight_follower.h"

namespace coppice::graph {
namespace {

using torch::jit::Node;

/// Ops whose weight may be either operand.
bool has_two_sides(const OpRoles& roles) {
  static constexpr std::string_view kOps[] = {
      "aten::matmul",
      "aten::mm",
      "aten::mv",
      "aten::bmm",
      "aten::addmm",
      "aten::_addmm_activation",
      "aten::addmv",
      "aten::baddbmm",
      "aten::inner",
      "aten::dot",
      "aten::tensordot"};
  return std::find(std::begin(kOps), std::end(kOps), roles.op) !=
      std::end(kOps);
}

/// Whether it is a constant that is true.
bool is_true(const FollowedValue& value) {
  return value.known && value.known->isBool() && value.known->toBool();
}

/// The subscripts of operands and result of "bi,oi->bo".
struct Equation {
  std::vector<std::string> operands;
  std::string result;
};

Equation equation_of(std::string text) {
  text.erase(std::remove(text.begin(), text.end(), ' '), text.end());
  Equation equation;
  const auto arrow = text.find("->");
  std::string left = text.substr(0, arrow);
  equation.operands.emplace_back();
  for (const char c : left) {
    if (c == ',') {
      equation.operands.emplace_back();
    } else {
      equation.operands.back() += c;
    }
  }
  if (arrow != std::string::npos) {
    equation.result = text.substr(arrow + 2);
    return equation;
  }
  // Without an arrow, subscripts that occur once are those of the result.
  for (const char c : left) {
    if (c != ',' && std::count(left.begin(), left.end(), c) == 1) {
      equation.result += c;
    }
  }
  return equation;
}

} // namespace

const WeightUse& WeightFollower::use_of(const at::Tensor& tensor) const {
  static const WeightUse kUnread;
  const auto found = uses_.find(tensor.data_ptr());
  return found == uses_.end() ? kUnread : found->second;
}

void WeightFollower::note_read(const FollowedValue& value) {
  for (const auto& origin : value.origins) {
    uses_[origin.tensor.data_ptr()].is_read = true;
  }
}

void WeightFollower::note_unclear(const FollowedValue& value) {
  for (const auto& origin : value.origins) {
    uses_[origin.tensor.data_ptr()].is_unclear = true;
  }
}

void WeightFollower::note(
    const FollowedValue& weight,
    const OpRoles& roles,
    Dims dims) {
  for (const auto& origin : weight.origins) {
    const void* key = origin.tensor.data_ptr();
    auto& use = uses_[key];
    use.is_read = true;
    use.families.insert(roles.family);
    use.layers.insert(roles.layer);
    use.is_computed_with |= origin.is_computed;
    if (roles.family != OpFamily::kProduct &&
        roles.family != OpFamily::kRecurrent) {
      continue;
    }
    const auto count = static_cast<int>(origin.axes.size());
    const auto axis = [&](int dim) {
      const int at = dims.from_end && dim >= 0 ? count - 1 - dim : dim;
      return at < 0 || at >= count ? -1 : origin.axes[at];
    };
    const int in = axis(dims.in);
    const int out = axis(dims.out);
    if (!has_dims_[key]) {
      has_dims_[key] = true;
      use.in_dim = in;
      use.out_dim = out;
    } else if (use.in_dim != in || use.out_dim != out) {
      use.in_dim = use.out_dim = -1;
    }
  }
}

void WeightFollower::note_weights(const Node& node, Frame& frame) {
  if (std::string_view(node.kind().toQualString()) == "aten::einsum") {
    note_einsum(node, frame);
    return;
  }
  for (const auto& roles : all_op_roles(node.kind())) {
    if (roles.family == OpFamily::kRecurrent) {
      note_recurrent(node, roles, frame);
    } else if (roles.family == OpFamily::kProduct) {
      note_product(node, roles, frame);
    } else {
      const auto weight = input(node, static_cast<size_t>(roles.weight), frame);
      if (!weight.is_input) {
        note(weight, roles, {});
      }
    }
  }
}

void WeightFollower::note_recurrent(
    const Node& node,
    const OpRoles& roles,
    Frame& frame) {
  const Dims dims{roles.in_dim, roles.out_dim};
  if (roles.weights > 1) {
    for (int i = 0; i < roles.weights; ++i) {
      const auto weight = input(node, roles.weight + i, frame);
      note(weight, roles, dims);
    }
    return;
  }
  // The variant for packed sequences has its weights one input later.
  const auto* schema = node.maybeSchema();
  const auto at =
      schema == nullptr ? std::nullopt : [&]() -> std::optional<int> {
    const auto found = schema->argumentIndexWithName("params");
    return found ? std::make_optional(*found) : std::nullopt;
  }();
  note(input(node, at.value_or(roles.weight), frame), roles, dims);
}

void WeightFollower::note_product(
    const Node& node,
    OpRoles roles,
    Frame& frame) {
  const std::string_view op = roles.op;
  const auto weight = input(node, static_cast<size_t>(roles.weight), frame);
  if (!has_two_sides(roles)) {
    const bool is_general =
        op == "aten::convolution" || op == "aten::_convolution";
    if (is_general && is_true(input(node, 6, frame))) {
      std::swap(roles.in_dim, roles.out_dim);
    }
    note(weight, roles, {roles.in_dim, roles.out_dim});
    return;
  }
  const auto other = input(node, static_cast<size_t>(roles.activation), frame);
  const bool is_weight = !weight.is_input && !weight.origins.empty();
  const bool is_other = !other.is_input && !other.origins.empty();
  // In a product of two weights either may be the [in, out] one.
  const bool can_tell = is_weight != is_other && roles.in_dim >= 0;
  if (is_weight) {
    Dims dims;
    if (can_tell) {
      // `inner` and `addmv` have [out, in] weights.
      dims = op == "aten::inner" || op == "aten::addmv" ? Dims{0, 1, true}
                                                        : Dims{1, 0, true};
    }
    note(weight, roles, dims);
  }
  if (is_other) {
    note(other, roles, can_tell ? Dims{0, 1, true} : Dims{});
  }
}

/// An operand is a weight if the result sums over one of its dimensions.
void WeightFollower::note_einsum(const Node& node, Frame& frame) {
  constexpr OpRoles kRoles{"aten::einsum", "einsum"};
  const auto text = input(node, 0, frame);
  const auto list = input(node, 1, frame);
  if (!text.known || !text.known->isString() || !list.items) {
    note_unclear(list);
    return;
  }
  const auto equation = equation_of(text.known->toStringRef());
  const auto count = std::min(equation.operands.size(), list.items->size());
  size_t weights = 0;
  for (size_t i = 0; i < count; ++i) {
    weights += !(*list.items)[i].is_input && !(*list.items)[i].origins.empty();
  }
  for (size_t i = 0; i < count; ++i) {
    const auto& operand = (*list.items)[i];
    const auto& letters = equation.operands[i];
    if (operand.is_input || operand.origins.empty()) {
      continue;
    }
    std::vector<int> summed;
    std::vector<int> own;
    for (size_t d = 0; d < letters.size(); ++d) {
      bool is_shared = false;
      for (size_t j = 0; j < count; ++j) {
        is_shared |= j != i &&
            equation.operands[j].find(letters[d]) != std::string::npos;
      }
      if (equation.result.find(letters[d]) == std::string::npos) {
        summed.push_back(static_cast<int>(d));
      } else if (!is_shared) {
        own.push_back(static_cast<int>(d));
      }
    }
    const bool is_plain = letters.find('.') == std::string::npos &&
        summed.size() == 1 && own.size() == 1 && weights == 1;
    if (!summed.empty()) {
      note(operand, kRoles, is_plain ? Dims{summed[0], own[0]} : Dims{});
    }
  }
}

} // namespace coppice::graph
