#include "graph/exported_sizes.h"

#include <fmt/format.h>
#include <torch/csrc/jit/ir/constants.h>

#include <limits>
#include <string_view>
#include <utility>

namespace coppice::graph {
namespace {

using torch::jit::Value;

/// "s0" of "s0" and of "Symbol('s0', positive=True, integer=True)"; empty if it
/// is more than one symbol.
std::string symbol_in(std::string_view text) {
  constexpr std::string_view kSymbol = "Symbol('";
  if (text.substr(0, kSymbol.size()) == kSymbol) {
    text.remove_prefix(kSymbol.size());
    const auto end = text.find('\'');
    const auto rest = end == std::string_view::npos ? "" : text.substr(end);
    return rest.find(')') + 1 == rest.size() ? std::string(text.substr(0, end))
                                             : "";
  }
  const auto other = text.find_first_not_of(
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");
  return other == std::string_view::npos ? std::string(text) : "";
}

} // namespace

ExportedSizes::ExportedSizes(
    torch::jit::Graph& graph,
    const io::ExportedProgram& program)
    : graph_(graph), program_(program) {}

Value* ExportedSizes::call(const char* op, Value* left, Value* right) {
  return graph_.insert(c10::Symbol::fromQualString(op), {left, right});
}

void ExportedSizes::raise_where(
    Value* bad,
    const std::string& text,
    Value* size) {
  auto* branches = graph_.insertNode(graph_.create(c10::prim::If, {bad}, 0));
  {
    const torch::jit::WithInsertPoint at(branches->addBlock());
    auto* message = call("aten::format", graph_.insertConstant(text), size);
    graph_.insert(
        c10::Symbol::fromQualString("prim::RaiseException"), {message});
  }
  branches->addBlock();
}

void ExportedSizes::check_fixed(
    Value* size,
    int64_t fixed,
    const std::string& place) {
  raise_where(
      call("aten::ne", size, graph_.insertConstant(fixed)),
      fmt::format(
          "{} has size {{}}, and the program was exported for {}",
          place,
          fixed),
      size);
}

void ExportedSizes::check_symbol(
    Value* size,
    const std::string& symbol,
    const std::string& place) {
  const auto [known, is_new] =
      symbols_.try_emplace(symbol, std::make_pair(size, place));
  if (!is_new) {
    raise_where(
        call("aten::ne", size, known->second.first),
        fmt::format(
            "{} has size {{}}, and must have that of {}",
            place,
            known->second.second),
        size);
    return;
  }
  constexpr int64_t kNoEnd = std::numeric_limits<int64_t>::max();
  const auto range = program_.document->root()["range_constraints"][symbol];
  const int64_t least = range["min_val"].integer().value_or(0);
  const int64_t most = range["max_val"].integer().value_or(kNoEnd);
  const auto text = most == kNoEnd
      ? fmt::format("{} has size {{}}, and must have at least {}", place, least)
      : fmt::format(
            "{} has size {{}}, and must have {} to {}", place, least, most);
  if (least > 0) {
    raise_where(
        call("aten::lt", size, graph_.insertConstant(least)), text, size);
  }
  if (most != kNoEnd) {
    raise_where(
        call("aten::gt", size, graph_.insertConstant(most)), text, size);
  }
}

void ExportedSizes::check(
    Value* tensor,
    std::string_view name,
    const std::string& title) {
  const auto meta = program_.graph.values["tensor_values"][name];
  int64_t dimension = 0;
  for (const auto& size : meta["sizes"].items()) {
    const auto fixed = size["as_int"].integer();
    const auto expression = size["as_expr"]["expr_str"].text();
    const auto symbol = expression ? symbol_in(*expression) : "";
    if (fixed || !symbol.empty()) {
      auto* found =
          call("aten::size", tensor, graph_.insertConstant(dimension));
      const auto place =
          fmt::format("dimension {} of the input `{}`", dimension, title);
      if (fixed) {
        check_fixed(found, *fixed, place);
      } else {
        check_symbol(found, symbol, place);
      }
    }
    ++dimension;
  }
}

} // namespace coppice::graph
