#include "compile/compare.h"

#include <algorithm>
#include <string>
#include <vector>

namespace coppice::compiling {
namespace {

constexpr int kCalls = 8;

/// Arguments without `self`, and results: "(Tensor x) -> Tensor".
std::string signature(const c10::FunctionSchema& schema) {
  std::vector<std::string> arguments;
  for (size_t i = 1; i < schema.arguments().size(); ++i) {
    const auto& each = schema.arguments()[i];
    arguments.push_back(each.type()->annotation_str() + " " + each.name());
  }
  std::vector<std::string> results;
  for (const auto& each : schema.returns()) {
    results.push_back(each.type()->annotation_str());
  }
  return "(" + c10::Join(", ", arguments) + ") -> " + c10::Join(", ", results);
}

} // namespace

double largest_difference(
    torch::jit::Module& first,
    torch::jit::Module& second,
    const Example& example) {
  double largest = 0;
  for (int i = 0; i < kCalls; ++i) {
    largest = std::max(
        largest,
        difference(run(first, example.inputs), run(second, example.inputs)));
  }
  return largest;
}

void check_methods(
    const torch::jit::Module& original,
    const torch::jit::Module& result) {
  for (const auto& method : original.get_methods()) {
    const auto same = result.find_method(method.name());
    TORCH_CHECK(
        same &&
            signature(same->function().getSchema()) ==
                signature(method.function().getSchema()),
        "compile: the result does not have the method `",
        method.name(),
        "` of the model; nothing is compiled");
  }
}

} // namespace coppice::compiling
