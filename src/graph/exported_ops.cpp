#include "graph/exported_ops.h"

#include <c10/util/Exception.h>
#include <fmt/format.h>
#include <torch/csrc/jit/frontend/error_report.h>
#include <torch/csrc/jit/frontend/schema_matching.h>
#include <torch/version.h>

#include <array>
#include <exception>
#include <string_view>
#include <utility>

#include "coppice/archive/file_error.h"

namespace coppice::graph {
namespace {

using torch::jit::NamedValue;
using torch::jit::Node;
using torch::jit::Value;

using Names = std::pair<std::string_view, const char*>;

/// Sizes of tensors, which TorchScript has under other names.
constexpr std::array kSizes{
    Names{"aten::sym_size", "aten::size"},
    Names{"aten::sym_stride", "aten::stride"},
    Names{"aten::sym_numel", "aten::numel"},
    Names{"aten::sym_storage_offset", "aten::storage_offset"}};

/// Python's functions of numbers, by their names behind "python::".
constexpr std::array kScalarOps{
    Names{"_operator.add", "aten::add"},
    Names{"_operator.sub", "aten::sub"},
    Names{"_operator.mul", "aten::mul"},
    Names{"_operator.floordiv", "aten::floordiv"},
    Names{"_operator.truediv", "aten::div"},
    Names{"_operator.mod", "aten::remainder"},
    Names{"_operator.pow", "aten::pow"},
    Names{"_operator.neg", "aten::neg"},
    Names{"_operator.eq", "aten::eq"},
    Names{"_operator.ne", "aten::ne"},
    Names{"_operator.lt", "aten::lt"},
    Names{"_operator.le", "aten::le"},
    Names{"_operator.gt", "aten::gt"},
    Names{"_operator.ge", "aten::ge"},
    Names{"_operator.and_", "aten::__and__"},
    Names{"_operator.or_", "aten::__or__"},
    Names{"_operator.not_", "aten::__not__"},
    Names{"torch.sym_not", "aten::__not__"},
    Names{"torch.sym_max", "prim::max"},
    Names{"torch.sym_min", "prim::min"},
    Names{"torch.sym_int", "aten::Int"},
    Names{"torch.sym_float", "aten::Float"},
    Names{"math.floor", "aten::floor"},
    Names{"math.ceil", "aten::ceil"},
    Names{"math.trunc", "aten::Int"},
    Names{"math.sqrt", "aten::sqrt"},
    Names{"math.pow", "aten::pow"}};

/// What only checks what the program's own checks of its inputs hold.
constexpr std::array<std::string_view, 7> kChecks{
    "aten::_assert_scalar",
    "aten::_assert_async",
    "aten::_assert_tensor_metadata",
    "aten::sym_constrain_range",
    "aten::sym_constrain_range_for_size",
    "aten::_functional_assert_async",
    "aten::_functional_assert_scalar"};

template <size_t N>
const char* renamed(const std::array<Names, N>& names, std::string_view name) {
  for (const auto& [theirs, ours] : names) {
    if (theirs == name) {
      return ours;
    }
  }
  return nullptr;
}

bool is_number(const Value& value) {
  const auto kind = value.type()->kind();
  return kind == c10::TypeKind::IntType || kind == c10::TypeKind::FloatType ||
      kind == c10::TypeKind::BoolType;
}

bool is_view(const io::ExportedNode& node, const OpName& op) {
  return (op.name == "aten::view" || op.name == "aten::_unsafe_view") &&
      op.overload.empty() && node.inputs.size() == 2 &&
      node.inputs[0].name == "self" && node.inputs[1].name == "size";
}

/// Whether an argument says what an op does without it.
bool says_nothing(const io::ExportedValue& value) {
  return value.kind == "as_none" || value.kind.empty() ||
      (value.kind == "as_bool" && value.value.truth() == false);
}

} // namespace

void ExportedOps::fail_at(const OpName& op, const std::string& problem) const {
  throw FileError(fmt::format(
      "{}: its program uses {}{}{}, {}.",
      where_,
      op.name,
      op.overload.empty() ? "" : ".",
      op.overload,
      problem));
}

Value* ExportedOps::constant(const c10::IValue& value) {
  return graph_.insertConstant(value);
}

Value* ExportedOps::call(const char* op, const Values& arguments) {
  const std::vector<NamedValue> named(arguments.begin(), arguments.end());
  return graph_.insert(c10::Symbol::fromQualString(op), named);
}

void ExportedOps::name_output(const io::ExportedValue& output, Value* value) {
  if (const auto name = output.name(); !name.empty()) {
    // A number that a tensor holds may be of any kind.
    if (value->type()->kind() == c10::TypeKind::NumberType) {
      value = call(
          output.kind == "as_sym_float"      ? "aten::Float"
              : output.kind == "as_sym_bool" ? "aten::Bool"
                                             : "aten::Int",
          {value});
    }
    values_.set(name, value);
    return;
  }
  const auto items = output.value.items();
  if (output.value.kind() != io::JsonKind::Array || items.empty()) {
    return;
  }
  const auto* unpack =
      graph_.insertNode(graph_.createListUnpack(value, items.size()));
  for (size_t i = 0; i < items.size(); ++i) {
    values_.set(
        io::ExportedValue{"", items[i]}.name(),
        const_cast<Value*>(unpack->outputs()[i]));
  }
}

void ExportedOps::name_outputs(
    const io::ExportedNode& node,
    const Values& results) {
  for (size_t i = 0; i < node.outputs.size() && i < results.size(); ++i) {
    name_output(node.outputs[i], results[i]);
  }
}

void ExportedOps::add_all() {
  for (const auto& node : exported_.nodes) {
    add(node);
  }
}

void ExportedOps::add(const io::ExportedNode& node) {
  const auto op = op_name_of(node.target);
  for (const auto check : kChecks) {
    if (op.name == check) {
      return;
    }
  }
  if (op.name == "higher_order::cond") {
    add_cond(node);
  } else if (op.name.rfind("python::", 0) == 0) {
    add_scalar_op(node);
  } else if (const char* size = renamed(kSizes, op.name)) {
    Values arguments;
    for (const auto& input : node.inputs) {
      arguments.push_back(values_.value_of(input.value));
    }
    name_outputs(node, {call(size, arguments)});
  } else if (is_view(node, op)) {
    // This LibTorch may lay the input out in another way than the one that
    // exported the program.
    name_outputs(
        node,
        {call(
            "aten::reshape",
            {argument(node, "self"), argument(node, "size")})});
  } else if (schema_of(op) != nullptr) {
    add_op(node, op);
  } else if (!add_decomposed(node, op)) {
    fail_at(
        op,
        op.name.rfind("aten::", 0) == 0
            ? "which this LibTorch (" TORCH_VERSION
              ") lacks; use a newer one, or export the model after "
              "run_decompositions()"
            : op.name.rfind("higher_order::", 0) == 0
            ? std::string("which is not run here; export the model without it")
            : std::string("which no loaded library has; load the library that "
                          "registers it"));
  }
}

void ExportedOps::add_op(const io::ExportedNode& node, const OpName& op) {
  const auto& schema = *schema_of(op);
  std::vector<NamedValue> arguments;
  bool has_number_for_tensor = false;
  for (const auto& input : node.inputs) {
    const std::string name(input.name);
    const auto at = schema.argumentIndexWithName(name);
    if (!at) {
      if (says_nothing(input.value)) {
        continue; // Of a newer version of the op.
      }
      fail_at(
          op,
          fmt::format(
              "whose argument {} this LibTorch ({}) lacks; use a newer one",
              name,
              TORCH_VERSION));
    }
    auto* value = values_.value_of(input.value);
    has_number_for_tensor |= is_number(*value) &&
        schema.arguments()[static_cast<size_t>(*at)].type()->kind() ==
            c10::TypeKind::TensorType;
    arguments.emplace_back(name, value);
  }
  const auto kind = c10::Symbol::fromQualString(op.name);
  try {
    if (has_number_for_tensor) {
      // The overload for numbers promotes types as Python does.
      name_outputs(node, {graph_.insert(kind, {}, arguments)});
      return;
    }
    const auto matched = torch::jit::matchSchema(
        schema, torch::jit::SourceRange(), graph_, {}, arguments);
    auto* made = graph_.insertNode(graph_.create(kind, matched.inputs, 0));
    for (const auto& type : matched.return_types) {
      made->addOutput()->setType(type);
    }
    name_outputs(node, {made->outputs().begin(), made->outputs().end()});
  } catch (const FileError&) {
    throw;
  } catch (const std::exception&) {
    fail_at(
        op,
        "whose arguments are not those that this LibTorch (" TORCH_VERSION
        ") knows; use a newer one, or export the model again");
  }
}

void ExportedOps::add_scalar_op(const io::ExportedNode& node) {
  const char* op = renamed(kScalarOps, node.target);
  if (op == nullptr) {
    fail_at(
        {std::string(node.target), ""},
        "a function of Python's that is not run here; export the model "
        "without it");
  }
  Values arguments;
  for (const auto& input : node.inputs) {
    arguments.push_back(values_.value_of(input.value));
  }
  name_outputs(node, {call(op, arguments)});
}

} // namespace coppice::graph
