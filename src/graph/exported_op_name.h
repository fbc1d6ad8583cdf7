#pragma once

#include <ATen/core/function_schema.h>

#include <string>
#include <string_view>

namespace coppice::graph {

/// The qualified name of an op and its overload: {"aten::add", "Tensor"} of
/// "torch.ops.aten.add.Tensor". Overloads without a name are "".
struct OpName {
  std::string name;
  std::string overload;
};

OpName op_name_of(std::string_view target);

/// The op's schema in the LibTorch at hand; null if it lacks the op.
const c10::FunctionSchema* schema_of(const OpName& op);

} // namespace coppice::graph
