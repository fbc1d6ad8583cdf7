#include "graph/exported_op_name.h"

#include <ATen/core/dispatch/Dispatcher.h>

namespace coppice::graph {

OpName op_name_of(std::string_view target) {
  constexpr std::string_view kOps = "torch.ops.";
  if (target.substr(0, kOps.size()) !=
      kOps) { // Of Python: `_operator.mul`, `math.floor`.
    return {"python::" + std::string(target), ""};
  }
  target.remove_prefix(kOps.size());
  const auto room = target.find('.');
  if (room == std::string_view::npos) {
    return {"python::" + std::string(target), ""};
  }
  const auto op = target.substr(room + 1);
  const auto overload = op.find('.');
  OpName name;
  name.name = std::string(target.substr(0, room)) +
      "::" + std::string(op.substr(0, overload));
  if (overload != std::string_view::npos &&
      op.substr(overload + 1) != "default") {
    name.overload = op.substr(overload + 1);
  }
  return name;
}

const c10::FunctionSchema* schema_of(const OpName& op) {
  const auto found =
      c10::Dispatcher::singleton().findSchema({op.name, op.overload});
  return found ? &found->schema() : nullptr;
}

} // namespace coppice::graph
