#include "graph/reloaded.h"

#include <exception>
#include <sstream>
#include <string>

namespace coppice::graph {

torch::jit::Module reloaded(const torch::jit::Module& module) {
  try {
    std::stringstream file;
    module.save(file);
    return torch::jit::load(file);
  } catch (const std::exception& error) {
    const auto* const torch_error = dynamic_cast<const c10::Error*>(&error);
    const std::string text =
        torch_error ? torch_error->what_without_backtrace() : error.what();
    TORCH_CHECK_VALUE(
        false,
        "the model cannot be saved and loaded: ",
        text.substr(0, text.find('\n')));
  }
}

} // namespace coppice::graph
