#include "coppice/graph/run_script.h"

#include <exception>
#include <string>
#include <utility>

namespace coppice {
namespace {

std::string cause_of(const std::exception& error) {
  const auto* const torch_error = dynamic_cast<const c10::Error*>(&error);
  std::string text =
      torch_error ? torch_error->what_without_backtrace() : error.what();
  const std::string marker = "Error: ";
  if (const auto at = text.rfind(marker); at != std::string::npos) {
    text.erase(0, at + marker.size());
  }
  return text.substr(0, text.find('\n'));
}

/// "float32 [1, 784], a number": what the model was given.
std::string described(const std::vector<c10::IValue>& inputs) {
  std::vector<std::string> all;
  for (const auto& input : inputs) {
    all.push_back(
        input.isTensor()
            ? c10::str(
                  input.toTensor().scalar_type(), " ", input.toTensor().sizes())
            : input.tagKind());
  }
  return c10::Join(", ", all);
}

} // namespace

c10::IValue run_script(
    torch::jit::Module& module,
    std::vector<c10::IValue> inputs) {
  try {
    return module.forward(inputs);
  } catch (const std::exception& error) {
    TORCH_CHECK_VALUE(
        false,
        "the model fails on (",
        described(inputs),
        "): ",
        cause_of(error));
  }
}

} // namespace coppice
