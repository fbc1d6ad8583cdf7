#include "graph/run_script.h"

#include <exception>
#include <string>

#include "graph/run_error.h"
#include "graph/value_text.h"

namespace coppice {
namespace {

/// "float32 [1, 784], 3": the given inputs.
std::string described(const std::vector<c10::IValue>& inputs) {
  std::vector<std::string> all;
  for (const auto& input : inputs) {
    all.push_back(graph::value_text(input));
  }
  return c10::Join(", ", all);
}

/// Adds the dtype of the weights, if inputs of another dtype are the likely
/// cause.
std::string dtype_of_weights(
    const torch::jit::Module& module,
    const std::string& cause) {
  if (cause.rfind("the dtypes do not fit", 0) != 0 ||
      cause.find("indices") != std::string::npos) {
    return ""; // Indices are of other dtypes than weights.
  }
  for (const auto& weight : module.parameters()) {
    return "; its weights are " + graph::dtype_text(weight.scalar_type());
  }
  return "";
}

} // namespace

c10::IValue run_script(
    torch::jit::Module& module,
    const std::vector<c10::IValue>& inputs) {
  try {
    return module.forward(inputs);
  } catch (const std::exception& error) {
    const auto cause = graph::run_error(error);
    TORCH_CHECK_VALUE(
        false,
        "the model fails on (",
        described(inputs),
        "): ",
        cause,
        dtype_of_weights(module, cause));
  }
}

} // namespace coppice
