#include <c10/util/Exception.h>

#include <algorithm>
#include <array>
#include <string>

// GCC 12 with sanitizers warns of libstdc++'s own code.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <regex>
#pragma GCC diagnostic pop

#include "coppice/core/fqn.h"
#include "coppice/oneshot/recipe.h"

namespace coppice {
namespace {

/// std::regex recurses once a character; no layer's name is longer.
constexpr size_t kLongestName = 4096;

bool is_floating(Dtype dtype) {
  return dtype == Dtype::F32 || dtype == Dtype::F16 || dtype == Dtype::BF16 ||
      dtype == Dtype::F64;
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) {
    return static_cast<char>(std::tolower(c));
  });
  return text;
}

/// The parts of an FQN between dots, in lower case.
std::vector<std::string> parts_of(const std::string& fqn) {
  std::vector<std::string> parts(1);
  for (const char c : lower(fqn)) {
    if (c == '.') {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

bool contains(const std::string& text, std::string_view word) {
  return text.find(word) != std::string::npos;
}

template <size_t N>
bool is_one_of(
    const std::string& text,
    const std::array<const char*, N>& words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

bool is_optimizer_part(const std::string& part) {
  constexpr std::array kWords = {
      "exp_avg", "exp_avg_sq", "max_exp_avg_sq", "momentum_buffer"};
  return contains(part, "optim") || is_one_of(part, kWords);
}

bool is_embedding_part(const std::string& part) {
  constexpr std::array kWords = {"wte", "wpe", "emb"};
  return contains(part, "embed") || is_one_of(part, kWords);
}

bool is_position_part(const std::string& part) {
  return contains(part, "freqs") || contains(part, "rotary") ||
      contains(part, "position") || part == "pos_emb";
}

bool is_output_part(const std::string& part) {
  constexpr std::array kWords = {
      "lm_head", "classifier", "output", "out", "head", "logits"};
  return is_one_of(part, kWords);
}

bool matches_class(const std::string& target, const StoredTensor& tensor) {
  constexpr std::array<std::string_view, 4> kClasses = {
      "Linear", "Conv1d", "Conv2d", "Conv3d"};
  const auto found = std::find(kClasses.begin(), kClasses.end(), target);
  return found != kClasses.end() &&
      static_cast<int64_t>(tensor.shape.size()) ==
      2 + (found - kClasses.begin());
}

bool matches_regex(const std::string& pattern, const StoredTensor& tensor) {
  try {
    const std::regex regex(pattern);
    constexpr auto kFromBegin = std::regex_constants::match_continuous;
    return tensor.name.size() <= kLongestName &&
        (std::regex_search(tensor.name, regex, kFromBegin) ||
         std::regex_search(
             split_fqn(tensor.name).module_fqn, regex, kFromBegin));
  } catch (const std::regex_error& error) {
    TORCH_CHECK_VALUE(
        false,
        "`re:",
        pattern,
        "` is no regular expression (",
        error.what(),
        "); write one of ECMAScript's, such as `re:.*\\.mlp\\..*`");
  }
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
  const auto parts = parts_of(tensor.name);
  const auto any = [&](bool (*is)(const std::string&)) {
    return std::any_of(parts.begin(), parts.end(), is);
  };
  if (any(is_optimizer_part)) {
    return "state of an optimizer";
  }
  if (any(is_position_part)) {
    return "a position table";
  }
  if (any(is_embedding_part)) {
    return "an embedding";
  }
  if (parts.back() == "mask" || parts.back() == "bias") {
    return "a " + parts.back();
  }
  if (parts.size() > 1 && is_output_part(parts[parts.size() - 2])) {
    return "an output layer";
  }
  return "";
}

bool matches_target(const std::string& target, const StoredTensor& tensor) {
  if (target.rfind("re:", 0) == 0) {
    return matches_regex(target.substr(3), tensor);
  }
  return matches_class(target, tensor) || matches_glob(target, tensor.name) ||
      matches_glob(target, split_fqn(tensor.name).module_fqn);
}

} // namespace coppice
