#include "oneshot/left_by_name.h"

#include <algorithm>
#include <array>

#include "coppice/core/fqn.h"
#include "oneshot/name_words.h"

namespace coppice::oneshot {
namespace {

template <size_t N>
bool is_one_of(
    const std::string& text,
    const std::array<const char*, N>& words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

bool any_part(const TensorName& name, bool (*is)(const std::string&)) {
  return std::any_of(name.parts.begin(), name.parts.end(), is);
}

bool any_part_has(const TensorName& name, NameRole role) {
  return std::any_of(
      name.words.begin(), name.words.end(), [role](const auto& words) {
        return any_has_role(words, role);
      });
}

/// What an optimizer keeps of each weight.
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
  return part.find("embed") != std::string::npos || is_one_of(part, kParts);
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

/// A gate that chooses among experts, not one of a gated unit.
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
  // StyleGAN's: a learned kernel is called weight there.
  const auto module = name.module_words();
  const auto resamples = [](const std::string& word) {
    return word == "upsample" || word == "downsample" || word == "resample" ||
        word == "smooth";
  };
  return name.leaf_part() == "kernel" &&
      std::any_of(module.begin(), module.end(), resamples);
}

int64_t dims_above_one(const StoredTensor& tensor) {
  return std::count_if(
      tensor.shape.begin(), tensor.shape.end(), [](int64_t size) {
        return size > 1;
      });
}

const StoredTensor* bias_of(
    const StoredTensor& tensor,
    const Neighbours& beside) {
  return beside.find(join_fqn(parent_of(tensor.name), "bias"));
}

bool is_weight_leaf(const TensorName& name) {
  constexpr std::array kLeaves = {
      "weight", "weight_orig", "weight_v", "kernel", "w"};
  return is_one_of(name.leaf_part(), kLeaves);
}

/// A layer with one output, [1, n] or [1, n, 1, 1]: a head of values.
bool is_single_output(
    const StoredTensor& tensor,
    const TensorName& name,
    const Neighbours& beside) {
  const auto* bias = bias_of(tensor, beside);
  const auto module = name.module_words();
  return is_weight_leaf(name) && tensor.shape[0] == 1 && tensor.shape[1] > 1 &&
      (bias == nullptr || bias->shape == std::vector<int64_t>{1}) &&
      !has_role(module, NameRole::kScale) &&
      !has_role(module, NameRole::kToken);
}

/// Whether an integer tensor is a weight, not an index: a matrix, or packed.
bool is_quantized_weight(const StoredTensor& tensor) {
  const auto words = words_of(split_fqn(tensor.name).tensor_name);
  const auto is_index = [](const std::string& word) {
    return word == "idx" || word == "index" || word == "indices" ||
        word == "ids" || word == "mask";
  };
  const auto is_weight = [](const std::string& word) {
    return word == "weight" || word == "qweight" || word == "packed";
  };
  return is_few_bits(tensor.dtype) &&
      std::none_of(words.begin(), words.end(), is_index) &&
      (tensor.shape.size() > 1 ||
       std::any_of(words.begin(), words.end(), is_weight));
}

/// bitsandbytes hangs its parts below the weight itself:
/// `q_proj.weight.absmax`.
bool belongs_to_quantized(
    const StoredTensor& tensor,
    const Neighbours& beside) {
  const auto module = parent_of(tensor.name);
  const auto* owner = beside.find(module);
  if (owner != nullptr && is_few_bits(owner->dtype)) {
    return true;
  }
  if (!beside.has_few_bits()) {
    return false;
  }
  const auto others = beside.in_module(module);
  return std::any_of(others.begin(), others.end(), [](const auto* other) {
    return is_quantized_weight(*other);
  });
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
  return bias_of(tensor, beside) == nullptr &&
      (beside.has_prefix(join_fqn(around, "encoder.")) ||
       beside.has_prefix(join_fqn(around, "decoder.")));
}

bool is_norm(
    const StoredTensor& tensor,
    const TensorName& name,
    const Neighbours& beside) {
  const auto& leaf = name.leaf_words();
  const auto module = name.module_words();
  if (dims_above_one(tensor) < 2 &&
      (has_role(leaf, NameRole::kShortNorm) ||
       has_role(module, NameRole::kShortNorm))) {
    return true;
  }
  // The bias of a layer has its outputs alone.
  const auto* bias = bias_of(tensor, beside);
  const bool is_layer = dims_above_one(tensor) > 1 && bias != nullptr &&
      bias->shape == std::vector<int64_t>{tensor.shape[0]};
  return has_role(leaf, NameRole::kNorm) ||
      (has_role(module, NameRole::kNorm) && !is_layer);
}

/// A parameter that is no layer's weight and the same for all of a batch:
/// tokens, queries, a constant input.
bool is_shared_by_batch(const StoredTensor& tensor, const TensorName& name) {
  return tensor.shape.size() > 2 && tensor.shape[0] == 1 &&
      !is_weight_leaf(name) &&
      !any_has_role(name.leaf_words(), NameRole::kLayer);
}

bool is_token(const StoredTensor& tensor, const TensorName& name) {
  const auto module = name.module_words();
  const bool is_module = !module.empty() && module.front() != "to" &&
      (module.back() == "token" || module.back() == "tokens");
  return is_module || has_role(name.leaf_words(), NameRole::kToken) ||
      is_shared_by_batch(tensor, name);
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
  if (has_role(leaf, NameRole::kMask) && !has_role(leaf, NameRole::kToken)) {
    return "a mask";
  }
  if (!leaf.empty() && any_has_role({leaf.back()}, NameRole::kBias)) {
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

std::string why_no_weight(
    const StoredTensor& tensor,
    const TensorName& name,
    const Neighbours& beside) {
  const auto& leaf = name.leaf_words();
  const auto module = name.module_words();
  const auto is_leaf = [&](NameRole role) { return has_role(leaf, role); };
  if (name.is_gain || name.leaf_part() == "weight_g") {
    return "the gain of a weight norm";
  }
  if (belongs_to_quantized(tensor, beside)) {
    return "part of a quantized weight";
  }
  if (is_norm(tensor, name, beside)) {
    return "of a norm";
  }
  if (const auto* bias = bias_of(tensor, beside);
      bias != nullptr && bias != &tensor && bias->shape == tensor.shape) {
    return "scales elements: its bias has its shape";
  }
  if (is_leaf(NameRole::kQuantization)) {
    return "part of a quantized weight";
  }
  constexpr std::array kNormalizers = {
      "obs_rms",
      "ret_rms",
      "running_mean_std",
      "normalizer",
      "scaler",
      "grad_scaler"};
  if (is_leaf(NameRole::kStatistic) ||
      std::any_of(name.parts.begin(), name.parts.end(), [&](const auto& part) {
        return is_one_of(part, kNormalizers);
      })) {
    return "a statistic";
  }
  if (is_leaf(NameRole::kScale)) {
    return "a scale";
  }
  if (tensor.numel() == 1) {
    return "a single number";
  }
  const bool is_vector =
      dims_above_one(tensor) < 2 && !is_single_output(tensor, name, beside);
  if (is_token(tensor, name)) {
    return "tokens";
  }
  if (is_vector) {
    return "a vector";
  }
  if (!module.empty() && any_has_role({module.back()}, NameRole::kBias)) {
    return "a table of biases";
  }
  if (!leaf.empty() && leaf.back() == "table") {
    return "a table";
  }
  return "";
}

} // namespace coppice::oneshot
