#include "graph/trace_sizes.h"

#include <torch/csrc/jit/ir/constants.h>

#include <algorithm>
#include <map>
#include <optional>

namespace coppice::detail {
namespace {

using torch::jit::Graph;
using torch::jit::Node;
using torch::jit::Value;

/// A number in both traces.
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

/// The value of an integer constant, or of one in a tensor without dimensions,
/// as in `x / x.size(0)`.
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

/// k if `number` is k times `size` in both traces.
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
    std::vector<Size> own;
    for (auto* input : operation_of(constant)->inputs()) {
      add(input, own);
    }
    const auto made_of_inputs = combinations(inputs_, number);
    if (is_one_of(inputs_, number)) {
      // Ambiguous, such as 4 rows or 2 times 2 columns.
      return made_of_inputs.empty() ? either(own, inputs_, number)
                                    : std::nullopt;
    }
    if (const auto found = either(own, before(constant), number)) {
      return found;
    }
    for (auto formulas : {made_of_inputs, combinations(own, number)}) {
      add_neighbours(inputs_, number, formulas);
      if (!formulas.empty()) {
        return formulas.size() == 1 ? std::optional(formulas[0]) : std::nullopt;
      }
    }
    return std::nullopt;
  }

 private:
  /// Adds an input; tuples and lists are unpacked by the tracer.
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

  /// Sizes computed before `node`, the nearest first.
  std::vector<Size> before(const Node* node) const {
    std::vector<Size> sizes;
    for (auto size = computed_.rbegin(); size != computed_.rend(); ++size) {
      if (size->tensor->node()->isBefore(node)) {
        sizes.push_back(*size);
      }
    }
    return sizes;
  }

  static bool is_one_of(const std::vector<Size>& sizes, const Pair& number) {
    return std::any_of(sizes.begin(), sizes.end(), [&](const Size& size) {
      return size.pair == number;
    });
  }

  /// The first size that is equal, unless its tensor has two.
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

  static std::optional<Formula> either(
      const std::vector<Size>& sizes,
      const std::vector<Size>& otherwise,
      const Pair& number) {
    const auto found = equal(sizes, number);
    return found ? found : equal(otherwise, number);
  }

  /// Adds a formula, unless another tensor has an equivalent one.
  static void add_new(std::vector<Formula>& formulas, Formula formula) {
    const auto same = [&](const Formula& other) {
      return formula.offset == other.offset &&
          formula.sizes[0].tensor != other.sizes[0].tensor &&
          std::equal(
                 formula.sizes.begin(),
                 formula.sizes.end(),
                 other.sizes.begin(),
                 other.sizes.end(),
                 [](const Size& a, const Size& b) { return a.pair == b.pair; });
    };
    if (std::none_of(formulas.begin(), formulas.end(), same)) {
      formulas.push_back(std::move(formula));
    }
  }

  /// Multiples of a size, and of products of two sizes of one tensor.
  static std::vector<Formula> combinations(
      const std::vector<Size>& sizes,
      const Pair& number) {
    std::vector<Formula> formulas;
    for (size_t i = 0; i < sizes.size(); ++i) {
      const auto& one = sizes[i].pair;
      if (const auto k = multiple(number, one); k && *k != 1) {
        add_new(formulas, {{sizes[i]}, *k, 0});
      }
      for (size_t j = i + 1; j < sizes.size(); ++j) {
        const auto& two = sizes[j].pair;
        const Pair product{one.here * two.here, one.there * two.there};
        const auto k = multiple(number, product);
        if (k && sizes[i].tensor == sizes[j].tensor) {
          add_new(formulas, {{sizes[i], sizes[j]}, *k, 0});
        }
      }
    }
    return formulas;
  }

  /// A size plus or minus one.
  static void add_neighbours(
      const std::vector<Size>& sizes,
      const Pair& number,
      std::vector<Formula>& formulas) {
    for (const auto& size : sizes) {
      const int64_t offset = number.here - size.pair.here;
      if ((offset == 1 || offset == -1) &&
          number.there - size.pair.there == offset) {
        add_new(formulas, {{size}, 1, offset});
      }
    }
  }

  const TraceComparison& comparison_;
  std::vector<Size> inputs_;
  std::vector<Size> computed_; ///< In graph order.
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
  /// Read right after the tensor is made: later operations may change it in
  /// place.
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
