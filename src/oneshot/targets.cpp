#include <c10/util/Exception.h>

#include <algorithm>
#include <array>
#include <string>

// GCC 12 with sanitizers warns of libstdc++'s own code.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <regex>
#pragma GCC diagnostic pop

#include "coppice/oneshot/recipe.h"
#include "core/fqn.h"
#include "oneshot/left_by_role.h"
#include "oneshot/no_weight.h"
#include "oneshot/targets.h"
#include "oneshot/tensor_name.h"

namespace coppice {
namespace {

/// std::regex recurses once per character; longer names do not match.
constexpr size_t kLongestName = 4096;

bool is_floating(Dtype dtype) {
  return dtype == Dtype::F32 || dtype == Dtype::F16 || dtype == Dtype::BF16 ||
      dtype == Dtype::F64;
}

bool matches_class(const std::string& target, const StoredTensor& tensor) {
  constexpr std::array<std::string_view, 4> kClasses = {
      "Linear", "Conv1d", "Conv2d", "Conv3d"};
  const auto found = std::find(kClasses.begin(), kClasses.end(), target);
  return found != kClasses.end() &&
      static_cast<int64_t>(tensor.shape.size()) ==
      2 + (found - kClasses.begin());
}

/// From its beginning.
bool matches_regex(const std::string& pattern, const std::string& name) {
  try {
    return name.size() <= kLongestName &&
        std::regex_search(
               name,
               std::regex(pattern),
               std::regex_constants::match_continuous);
  } catch (const std::regex_error& error) {
    TORCH_CHECK_VALUE(
        false,
        "`re:",
        pattern,
        "` is not a valid regular expression (",
        error.what(),
        "); write one in ECMAScript syntax, such as `re:.*\\.mlp\\..*`");
  }
}

bool matches_name(const std::string& target, const std::string& name) {
  return target.rfind("re:", 0) == 0 ? matches_regex(target.substr(3), name)
                                     : matches_glob(target, name);
}

} // namespace

std::string why_not_prunable(const StoredTensor& tensor) {
  if (!tensor.fixed_because.empty()) {
    return tensor.fixed_because;
  }
  if (!is_floating(tensor.dtype)) {
    return "not floating";
  }
  if (tensor.shape.size() < 2) {
    return tensor.shape.empty() ? "a single number" : "one dimension";
  }
  return tensor.numel() == 0 ? "empty" : "";
}

std::string why_left_by_default(const StoredTensor& tensor) {
  if (auto reason = why_not_prunable(tensor); !reason.empty()) {
    return reason;
  }
  const oneshot::TensorName name(tensor.name);
  const oneshot::Neighbours none{StateDict()};
  auto reason = oneshot::why_left_by_role(tensor, name, none);
  return reason.empty() ? oneshot::why_no_weight(tensor, name, none) : reason;
}

bool matches_target(const std::string& target, const StoredTensor& tensor) {
  return matches_class(target, tensor) || matches_name(target, tensor.name) ||
      matches_name(target, split_fqn(tensor.name).module_fqn);
}

bool oneshot::matches_module_around(
    const std::string& target,
    const StoredTensor& tensor) {
  for (auto module = split_fqn(tensor.name).module_fqn; !module.empty();
       module = split_fqn(module).module_fqn) {
    if (matches_name(target, module)) {
      return true;
    }
  }
  return false;
}

} // namespace coppice
