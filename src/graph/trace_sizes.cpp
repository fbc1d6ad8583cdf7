#include "graph/trace_sizes.h"

#include <torch/csrc/jit/ir/constants.h>

#include <map>
#include <optional>

namespace coppice::detail {
namespace {

using torch::jit::Graph;
using torch::jit::Node;
using torch::jit::Value;

/// A number in the one trace and in the other.
struct Pair {
  int64_t here = 0;
  int64_t there = 0;

  bool operator==(const Pair& other) const {
    return here == other.here && there == other.there;
  }
};

/// A size that differs between the traces.
struct Size {
  Value* tensor = nullptr;
  int64_t dim = 0;
  Pair pair;
};

/// factor * size * (other size) + offset
struct Formula {
  std::vector<Size> sizes;
  int64_t factor = 1;
  int64_t offset = 0;
};

std::optional<std::vector<int64_t>> sizes_of(const Value* value) {
  const auto type = value->type()->cast<c10::TensorType>();
  const auto sizes = type ? type->sizes().concrete_sizes() : c10::nullopt;
  if (!sizes) {
    return std::nullopt;
  }
  return *sizes;
}

/// The integer that a constant is; also that in a tensor without dimensions, as
/// in `x / x.size(0)`.
std::optional<int64_t> integer_of(const Node* constant) {
  const auto value = torch::jit::toIValue(constant->output());
  if (value && value->isInt()) {
    return value->toInt();
  }
  if (value && value->isTensor()) {
    const auto& tensor = value->toTensor();
    if (tensor.defined() && tensor.dim() == 0 &&
        tensor.scalar_type() == torch::kLong) {
      return tensor.item<int64_t>();
    }
  }
  return std::nullopt;
}

/// k if `number` is k times `size` in both.
std::optional<int64_t> multiple(const Pair& number, const Pair& size) {
  if (size.here <= 0 || size.there <= 0 || number.here % size.here != 0 ||
      number.here / size.here != number.there / size.there ||
      number.there % size.there != 0 || number.here == 0) {
    return std::nullopt;
  }
  return number.here / size.here;
}

class SizeFinder {
 public:
  SizeFinder(Graph& graph, const TraceComparison& comparison)
      : comparison_(comparison) {
    for (auto* input : graph.inputs()) {
      add_input(input);
    }
    for (auto* node : graph.nodes()) {
      if (node->kind() == c10::prim::GetAttr ||
          node->kind() == c10::prim::Constant) {
        continue;
      }
      for (auto* output : node->outputs()) {
        add(output, computed_);
      }
    }
  }

  std::optional<Formula> find(Node* constant, const Pair& number) const {
    if (const auto found = equal(inputs_, number)) {
      return found;
    }
    std::vector<Size> own;
    for (auto* input : operation_of(constant)->inputs()) {
      add(input, own);
    }
    if (const auto found = equal(own, number)) {
      return found;
    }
    std::vector<Size> before;
    for (auto size = computed_.rbegin(); size != computed_.rend(); ++size) {
      if (size->tensor->node()->isBefore(constant)) {
        before.push_back(*size);
      }
    }
    if (const auto found = equal(before, number)) {
      return found;
    }
    for (const auto& candidates : {inputs_, own}) {
      if (const auto found = product(singles(candidates), number)) {
        return found;
      }
      if (const auto found = product(pairs(candidates), number)) {
        return found;
      }
    }
    return next_to(number);
  }

 private:
  /// Inputs that are tuples or lists are taken apart by the tracer.
  void add_input(Value* value) {
    add(value, inputs_);
    for (const auto& use : value->uses()) {
      if (use.user->kind() == c10::prim::TupleUnpack ||
          use.user->kind() == c10::prim::ListUnpack) {
        for (auto* output : use.user->outputs()) {
          add_input(output);
        }
      }
    }
  }

  void add(Value* tensor, std::vector<Size>& sizes) const {
    const auto partner = comparison_.partners.find(tensor);
    if (partner == comparison_.partners.end()) {
      return;
    }
    const auto here = sizes_of(tensor);
    const auto there = sizes_of(partner->second);
    if (!here || !there || here->size() != there->size()) {
      return;
    }
    for (size_t dim = 0; dim < here->size(); ++dim) {
      if ((*here)[dim] != (*there)[dim]) {
        sizes.push_back(
            {tensor, static_cast<int64_t>(dim), {(*here)[dim], (*there)[dim]}});
      }
    }
  }

  /// The first that fits, unless another dimension of its tensor fits too.
  static std::optional<Formula> equal(
      const std::vector<Size>& sizes,
      const Pair& number) {
    const Size* found = nullptr;
    for (const auto& size : sizes) {
      if (!(size.pair == number)) {
        continue;
      }
      if (found != nullptr && found->tensor == size.tensor) {
        return std::nullopt;
      }
      found = found == nullptr ? &size : found;
    }
    return found ? std::optional(Formula{{*found}, 1, 0}) : std::nullopt;
  }

  static std::vector<Formula> singles(const std::vector<Size>& sizes) {
    std::vector<Formula> formulas;
    for (const auto& size : sizes) {
      formulas.push_back({{size}, 1, 0});
    }
    return formulas;
  }

  static std::vector<Formula> pairs(const std::vector<Size>& sizes) {
    std::vector<Formula> formulas;
    for (size_t i = 0; i < sizes.size(); ++i) {
      for (size_t j = i + 1; j < sizes.size(); ++j) {
        if (sizes[i].tensor == sizes[j].tensor) {
          formulas.push_back({{sizes[i], sizes[j]}, 1, 0});
        }
      }
    }
    return formulas;
  }

  /// A multiple of one of the formulas, if all that fit agree.
  static std::optional<Formula> product(
      const std::vector<Formula>& formulas,
      const Pair& number) {
    std::optional<Formula> found;
    Pair found_pair;
    for (const auto& formula : formulas) {
      Pair pair{1, 1};
      for (const auto& size : formula.sizes) {
        pair.here *= size.pair.here;
        pair.there *= size.pair.there;
      }
      const auto factor = multiple(number, pair);
      if (!factor) {
        continue;
      }
      if (found &&
          (!(pair == found_pair) ||
           found->sizes[0].tensor == formula.sizes[0].tensor)) {
        return std::nullopt;
      }
      if (!found) {
        found = formula;
        found->factor = *factor;
        found_pair = pair;
      }
    }
    return found;
  }

  /// One more or one less than a size.
  std::optional<Formula> next_to(const Pair& number) const {
    std::optional<Formula> found;
    for (const int64_t offset : {1, -1}) {
      auto next = equal(inputs_, {number.here - offset, number.there - offset});
      if (next && found) {
        return std::nullopt;
      }
      if (next) {
        next->offset = offset;
        found = next;
      }
    }
    return found;
  }

  const TraceComparison& comparison_;
  std::vector<Size> inputs_;
  std::vector<Size> computed_; ///< In the order of the graph.
};

/// Writes formulas into the graph.
class SizeWriter {
 public:
  explicit SizeWriter(Graph& graph) : graph_(graph) {}

  void replace(Node* constant, const Formula& formula) {
    std::vector<Value*> factors;
    for (const auto& size : formula.sizes) {
      factors.push_back(size_of(size));
    }
    const torch::jit::WithInsertPoint here(constant);
    auto* value = factors[0];
    for (size_t i = 1; i < factors.size(); ++i) {
      value = graph_.insert(c10::aten::mul, {value, factors[i]});
    }
    if (formula.factor != 1) {
      value = graph_.insert(c10::aten::mul, {value, formula.factor});
    }
    if (formula.offset != 0) {
      value = graph_.insert(c10::aten::add, {value, formula.offset});
    }
    if (constant->output()->type()->isSubtypeOf(*c10::TensorType::get())) {
      auto* const as_tensor = graph_.create(c10::prim::NumToTensor, {value});
      as_tensor->output()->setType(c10::TensorType::get());
      value = graph_.insertNode(as_tensor)->output();
    }
    constant->output()->replaceAllUsesWith(value);
  }

 private:
  /// Read where the tensor is made: a later operation may change it in place.
  Value* size_of(const Size& size) {
    auto& value = sizes_[{size.tensor, size.dim}];
    if (value == nullptr) {
      auto* const maker = size.tensor->node();
      const torch::jit::WithInsertPoint behind(
          maker->kind() == c10::prim::Param ? *graph_.nodes().begin()
                                            : maker->next());
      value = graph_.insert(c10::aten::size, {size.tensor, size.dim});
    }
    return value;
  }

  Graph& graph_;
  std::map<std::pair<Value*, int64_t>, Value*> sizes_;
};

} // namespace

std::vector<ConstantPair> follow_sizes(
    Graph& graph,
    const TraceComparison& comparison) {
  const SizeFinder finder(graph, comparison);
  SizeWriter writer(graph);
  std::vector<ConstantPair> stay;
  for (const auto& constant : comparison.constants) {
    const auto here = integer_of(constant.here);
    const auto there = integer_of(constant.there);
    const auto formula = here && there
        ? finder.find(constant.here, {*here, *there})
        : std::nullopt;
    if (formula) {
      writer.replace(constant.here, *formula);
    } else {
      stay.push_back(constant);
    }
  }
  return stay;
}

} // namespace coppice::detail
