#include "oneshot/target_words.h"

#include <c10/util/Exception.h>

#include <vector>

#include "core/fqn.h"
#include "oneshot/targets.h"

namespace coppice::oneshot {
namespace {

void check_word(
    const std::string& word,
    bool reaches_within,
    const StateDict& state) {
  std::vector<std::string> names;
  for (const auto& tensor : state.tensors) {
    if (matches_target(word, tensor) ||
        (reaches_within && matches_module_around(word, tensor))) {
      return;
    }
    names.push_back(tensor.name);
  }
  TORCH_CHECK_VALUE(
      false,
      "`",
      word,
      "` matches no tensor of the model; the nearest name is `",
      nearest_name(word, names),
      "`");
}

} // namespace

bool is_class_word(const std::string& word) {
  return word == "Linear" || word.rfind("Conv", 0) == 0;
}

void check_words(const PruneModifier& modifier, const StateDict& state) {
  for (const auto* words : {&modifier.targets, &modifier.transposed}) {
    const bool reaches_within =
        words == &modifier.targets && modifier.targets_reach_within;
    for (const auto& word : *words) {
      if (!is_class_word(word)) {
        check_word(word, reaches_within, state);
      }
    }
  }
}

} // namespace coppice::oneshot
