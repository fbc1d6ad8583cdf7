#include "coppice/model/hooked.h"

#include <c10/util/Type.h>
#include <torch/nn/modules/activation.h>

namespace coppice::model {
namespace {

constexpr size_t kImplLength = 4; // "Impl"

std::string name_of(const std::type_info& module) {
  auto name = c10::demangle(module.name());
  // LibTorch sets this module's name at construction, which does not reach the
  // base of a derived class.
  if (module == typeid(torch::nn::MultiheadAttentionImpl)) {
    name.resize(name.size() - kImplLength);
  }
  return name;
}

} // namespace

std::string as_original(
    std::string text,
    const std::string& hooked_name,
    const std::type_info& original) {
  const auto name = name_of(original);
  auto at = text.find(hooked_name);
  if (at != std::string::npos) {
    return text.replace(at, hooked_name.size(), name);
  }
  // Modules that print their name without "Impl".
  const auto cut = hooked_name.substr(0, hooked_name.size() - kImplLength);
  at = text.find(cut);
  if (at != std::string::npos && name.size() > kImplLength) {
    return text.replace(
        at, cut.size(), name.substr(0, name.size() - kImplLength));
  }
  return text;
}

} // namespace coppice::model
