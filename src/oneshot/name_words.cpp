#include "oneshot/name_words.h"

#include <algorithm>
#include <initializer_list>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

namespace coppice::oneshot {
namespace {

using WordSet = std::unordered_set<std::string_view>;

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() &&
      text.substr(text.size() - end.size()) == end;
}

bool begins_with(std::string_view text, std::string_view start) {
  return text.substr(0, start.size()) == start;
}

const WordSet& words_with(NameRole role) {
  static const WordSet kLayer{
      "weight",
      "weights",
      "kernel",
      "linear",
      "lin",
      "fc",
      "proj",
      "projection",
      "conv",
      "dense",
      "mlp",
      "ffn",
      "layers"};
  static const WordSet kNorm{"norms", "layernorms"};
  static const WordSet kShortNorm{"bn", "ln", "gn"};
  static const WordSet kScale{
      "scale",
      "scales",
      "shift",
      "shifts",
      "gamma",
      "gammas",
      "beta",
      "betas",
      "gain",
      "gains",
      "lambda",
      "ls",
      "alpha",
      "alphas",
      "tau",
      "temperature",
      "log",
      "decay",
      "mix"};
  static const WordSet kStatistic{
      "mean",     "means", "std",       "stds",       "var",     "vars",
      "variance", "avg",   "average",   "min",        "max",     "stdev",
      "stddev",   "stats", "statistic", "statistics", "running", "davg",
      "dstd",     "sum",   "count",     "sigma",      "rho",     "epsilon",
      "eps",      "noise", "scores",    "deviation"};
  static const WordSet kToken{
      "token",
      "tokens",
      "register",
      "registers",
      "prompt",
      "prompts",
      "latents",
      "probe",
      "queries",
      "slots",
      "cls"};
  static const WordSet kPosition{
      "pos",
      "relpos",
      "rel",
      "freq",
      "freqs",
      "rope",
      "sin",
      "cos",
      "sinusoid",
      "sinusoidal",
      "alibi",
      "slopes"};
  static const WordSet kMask{"mask", "masks", "tril", "triu", "causal"};
  static const WordSet kBias{"bias", "biases"};
  static const WordSet kFilter{
      "fb",
      "basis",
      "window",
      "filt",
      "filter",
      "filters",
      "mel",
      "dct",
      "gaussian"};
  static const WordSet kFixedFilter{
      "stft",
      "istft",
      "spectrogram",
      "melspectrogram",
      "melspec",
      "logmel",
      "dfl",
      "blur",
      "blurpool",
      "sobel",
      "haar",
      "dwt",
      "idwt",
      "filterbank",
      "fbank",
      "lowpass",
      "highpass"};
  static const WordSet kCodebook{
      "codebook", "codebooks", "codevectors", "centroids", "codewords"};
  static const WordSet kAnchor{
      "anchor", "anchors", "prior", "priors", "stride", "strides"};
  static const WordSet kQuantization{
      "absmax", "scb", "zeros", "zero", "qzeros", "zp", "quantized"};
  static const WordSet kOptimizer{
      "optim", "optims", "optimizer", "optimizers", "optimiser"};
  static const WordSet kAverage{"shadow", "collected"};
  static const WordSet kRandom{"rng"};
  switch (role) {
    case NameRole::kLayer:
      return kLayer;
    case NameRole::kNorm:
      return kNorm;
    case NameRole::kShortNorm:
      return kShortNorm;
    case NameRole::kScale:
      return kScale;
    case NameRole::kStatistic:
      return kStatistic;
    case NameRole::kToken:
      return kToken;
    case NameRole::kPosition:
      return kPosition;
    case NameRole::kMask:
      return kMask;
    case NameRole::kBias:
      return kBias;
    case NameRole::kFilter:
      return kFilter;
    case NameRole::kFixedFilter:
      return kFixedFilter;
    case NameRole::kCodebook:
      return kCodebook;
    case NameRole::kAnchor:
      return kAnchor;
    case NameRole::kQuantization:
      return kQuantization;
    case NameRole::kOptimizer:
      return kOptimizer;
    case NameRole::kAverage:
      return kAverage;
    case NameRole::kRandom:
      return kRandom;
  }
  return kLayer;
}

bool word_has_role(const std::string& word, NameRole role) {
  // "layernorm", "batchnorm", "rmsnorm"; "positional", "positions"
  return words_with(role).count(word) != 0 ||
      (role == NameRole::kNorm && ends_with(word, "norm")) ||
      (role == NameRole::kPosition &&
       (begins_with(word, "position") || begins_with(word, "rotary")));
}

} // namespace

bool has_role(const Words& words, NameRole role) {
  for (auto word = words.rbegin(); word != words.rend(); ++word) {
    if (word_has_role(*word, role)) {
      return true;
    }
    if (word_has_role(*word, NameRole::kLayer)) {
      return false;
    }
  }
  return false;
}

bool any_has_role(const Words& words, NameRole role) {
  return std::any_of(words.begin(), words.end(), [role](const auto& word) {
    return word_has_role(word, role);
  });
}

} // namespace coppice::oneshot
