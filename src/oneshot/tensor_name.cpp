#include "oneshot/tensor_name.h"

#include <algorithm>
#include <cctype>

#include "core/fqn.h"

namespace coppice::oneshot {
namespace {

bool is_number(const std::string& part) {
  return !part.empty() &&
      std::all_of(part.begin(), part.end(), [](unsigned char c) {
        return std::isdigit(c) != 0;
      });
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) {
    return static_cast<char>(std::tolower(c));
  });
  return text;
}

} // namespace

Words words_of(std::string_view part) {
  Words words(1);
  char before = '_';
  for (const char c : part) {
    const auto byte = static_cast<unsigned char>(c);
    const bool begins = std::isupper(byte) != 0 &&
        std::islower(static_cast<unsigned char>(before)) != 0;
    const bool is_letter = std::isalpha(byte) != 0 || byte >= 0x80;
    if ((begins || !is_letter) && !words.back().empty()) {
      words.emplace_back();
    }
    if (is_letter) {
      words.back() += static_cast<char>(std::tolower(byte));
    }
    before = c;
  }
  if (words.back().empty()) {
    words.pop_back();
  }
  return words;
}

TensorName::TensorName(const std::string& fqn) {
  parts = fqn_parts(fqn);
  // torch.nn.utils.parametrize: module.parametrizations.NAME.originalN
  for (size_t i = 0; i + 2 < parts.size(); ++i) {
    const auto& last = parts[i + 2];
    if (parts[i] == "parametrizations" && last.rfind("original", 0) == 0) {
      is_gain = last == "original0";
      parts[i] = parts[i + 1];
      parts.resize(i + 1);
      break;
    }
  }
  for (auto& part : parts) {
    words.push_back(words_of(part));
    part = lower(part);
  }
  leaf = parts.size() - 1;
  while (leaf > 0 && is_number(parts[leaf])) {
    --leaf;
  }
}

bool is_few_bits(Dtype dtype) {
  switch (dtype) {
    case Dtype::F4:
    case Dtype::F6_E2M3:
    case Dtype::F6_E3M2:
    case Dtype::U8:
    case Dtype::I8:
    case Dtype::F8_E5M2:
    case Dtype::F8_E4M3:
    case Dtype::F8_E8M0:
    case Dtype::F8_E4M3FNUZ:
    case Dtype::F8_E5M2FNUZ:
    case Dtype::I16:
    case Dtype::U16:
    case Dtype::I32:
    case Dtype::U32:
    case Dtype::QINT8:
    case Dtype::QUINT8:
    case Dtype::QINT32:
      return true;
    case Dtype::BOOL: // Masks.
    case Dtype::F16:
    case Dtype::BF16:
    case Dtype::F32:
    case Dtype::C64:
    case Dtype::F64:
    case Dtype::I64: // Indices and counts.
    case Dtype::U64:
    case Dtype::C128:
      return false;
  }
  return false;
}

Words TensorName::module_words() const {
  size_t at = leaf;
  while (at > 0 && is_number(parts[at - 1])) {
    --at;
  }
  return at == 0 ? Words() : words[at - 1];
}

Neighbours::Neighbours(const StateDict& state) {
  for (const auto& tensor : state.tensors) {
    by_name_.emplace(tensor.name, &tensor);
    has_few_bits_ |= is_few_bits(tensor.dtype);
  }
}

const StoredTensor* Neighbours::find(const std::string& name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second;
}

const StoredTensor* Neighbours::bias_of(const StoredTensor& tensor) const {
  return find(join_fqn(split_fqn(tensor.name).module_fqn, "bias"));
}

bool Neighbours::has_prefix(const std::string& prefix) const {
  const auto found = by_name_.lower_bound(prefix);
  return found != by_name_.end() && found->first.rfind(prefix, 0) == 0;
}

std::vector<const StoredTensor*> Neighbours::in_module(
    const std::string& fqn) const {
  const std::string prefix = fqn.empty() ? "" : fqn + ".";
  std::vector<const StoredTensor*> found;
  for (auto at = by_name_.lower_bound(prefix);
       at != by_name_.end() && at->first.rfind(prefix, 0) == 0;) {
    const auto dot = at->first.find('.', prefix.size());
    if (dot == std::string::npos) {
      found.push_back(at->second);
      ++at;
    } else { // Skip submodules: '/' follows '.'.
      at = by_name_.lower_bound(at->first.substr(0, dot) + '/');
    }
  }
  return found;
}

} // namespace coppice::oneshot
