#include "oneshot/left_by_role.h"

#include <algorithm>
#include <array>

#include "core/fqn.h"
#include "oneshot/name_words.h"

namespace coppice::oneshot {
namespace {

bool any_part(const TensorName& name, bool (*is)(const std::string&)) {
  return std::any_of(name.parts.begin(), name.parts.end(), is);
}

bool any_part_has(const TensorName& name, NameRole role) {
  return std::any_of(
      name.words.begin(), name.words.end(), [role](const auto& words) {
        return any_has_role(words, role);
      });
}

/// State that an optimizer keeps for each weight.
bool is_optimizer_part(const std::string& part) {
  constexpr std::array kParts = {
      "exp_avg",
      "exp_avg_sq",
      "max_exp_avg_sq",
      "exp_avg_sq_row",
      "exp_avg_sq_col",
      "exp_avg_diff",
      "momentum_buffer",
      "square_avg",
      "grad_avg",
      "acc_delta",
      "exp_inf",
      "opt_state",
      "lr_schedulers",
      "lr_scheduler"};
  return is_one_of(part, kParts);
}

bool is_embedding_part(const std::string& part) {
  constexpr std::array kParts = {"wte", "wpe", "emb"};
  const auto words = words_of(part);
  return part.find("embed") != std::string::npos || is_one_of(part, kParts) ||
      std::find(words.begin(), words.end(), "embs") != words.end();
}

bool is_position_part(const std::string& part) {
  const auto words = words_of(part);
  return part == "pos_emb" || part.find("freqs") != std::string::npos ||
      std::any_of(words.begin(), words.end(), [](const auto& word) {
           return word.rfind("position", 0) == 0 ||
               word.rfind("rotary", 0) == 0;
         });
}

bool is_output_layer(const TensorName& name) {
  constexpr std::array kParts = {
      "lm_head", "classifier", "output", "out", "head", "logits"};
  if (name.parts.size() < 2) {
    return false;
  }
  const auto& before = name.parts[name.parts.size() - 2];
  // BERT's decoder from the hidden state to the vocabulary.
  return is_one_of(before, kParts) ||
      (before == "decoder" && name.parts.size() > 2 &&
       name.parts[name.parts.size() - 3] == "predictions");
}

std::string parent_of(const std::string& fqn) {
  return split_fqn(fqn).module_fqn;
}

/// A gate that routes to experts, not that of a gated unit.
bool is_router(
    const StoredTensor& tensor,
    const TensorName& name,
    const Neighbours& beside) {
  bool is_moe = false;
  for (const auto& words : name.words) {
    for (const auto& word : words) {
      if (word == "router") {
        return true;
      }
      is_moe |= word == "moe";
    }
  }
  const auto words = name.module_words();
  if (words.empty()) {
    return false;
  }
  const auto is_word = [&](const char* word) {
    return std::find(words.begin(), words.end(), word) != words.end();
  };
  if (is_word("gate") && (is_word("expert") || is_word("experts"))) {
    return true;
  }
  // `gate.weight`, and DeepSpeed's `gate.wg.weight`.
  auto gate = parent_of(tensor.name);
  if (words == Words{"wg"}) {
    gate = parent_of(gate);
  }
  if (split_fqn(gate).tensor_name != "gate") {
    return false;
  }
  return is_moe || beside.has_prefix(join_fqn(parent_of(gate), "experts."));
}

bool is_fixed_filter(const TensorName& name) {
  const auto& leaf = name.leaf_words();
  if (any_part_has(name, NameRole::kFixedFilter) ||
      has_role(leaf, NameRole::kFilter)) {
    return true;
  }
  // StyleGAN calls a learned kernel `weight`.
  const auto module = name.module_words();
  const auto resamples = [](const std::string& word) {
    return word == "upsample" || word == "downsample" || word == "resample" ||
        word == "smooth";
  };
  return name.leaf_part() == "kernel" &&
      std::any_of(module.begin(), module.end(), resamples);
}

/// The word embedding that encoder and decoder share.
bool is_shared_embedding(
    const StoredTensor& tensor,
    const TensorName& name,
    const Neighbours& beside) {
  if (name.leaf_part() != "weight" || name.module_part() != "shared" ||
      tensor.shape.size() != 2) {
    return false;
  }
  const auto around = parent_of(parent_of(tensor.name));
  return beside.bias_of(tensor) == nullptr &&
      (beside.has_prefix(join_fqn(around, "encoder.")) ||
       beside.has_prefix(join_fqn(around, "decoder.")));
}

} // namespace

std::string why_left_by_role(
    const StoredTensor& tensor,
    const TensorName& name,
    const Neighbours& beside) {
  const auto& leaf = name.leaf_words();
  if (any_part_has(name, NameRole::kOptimizer) ||
      any_part(name, is_optimizer_part)) {
    return "state of an optimizer";
  }
  if (any_part_has(name, NameRole::kAverage)) {
    return "a running average of weights";
  }
  if (any_part_has(name, NameRole::kRandom)) {
    return "state of a random number generator";
  }
  if (any_part(name, is_position_part) || has_role(leaf, NameRole::kPosition)) {
    return "a position table";
  }
  if (any_part(name, is_embedding_part)) {
    return "an embedding";
  }
  // The vector that replaces masked inputs is a token.
  if (has_role(leaf, NameRole::kMask) && !has_role(leaf, NameRole::kToken)) {
    return "a mask";
  }
  if (has_role(leaf, NameRole::kBias)) {
    return "a bias";
  }
  if (is_output_layer(name)) {
    return "an output layer";
  }
  if (is_router(tensor, name, beside)) {
    return "a router to experts";
  }
  if (is_fixed_filter(name)) {
    return "a fixed filter";
  }
  if (std::any_of(name.words.begin(), name.words.end(), [](const Words& words) {
        return has_role(words, NameRole::kCodebook);
      })) {
    return "a codebook";
  }
  if (has_role(leaf, NameRole::kAnchor)) {
    return "anchors";
  }
  return is_shared_embedding(tensor, name, beside) ? "an embedding" : "";
}

} // namespace coppice::oneshot
