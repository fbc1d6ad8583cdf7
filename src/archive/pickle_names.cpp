#include "archive/pickle_names.h"

#include "archive/byte_reader.h"
#include "archive/pickle_danger.h"

namespace coppice::archive {
namespace {

/// A printable name: JSON and terminals cannot take other bytes.
std::string shown(std::string name) {
  const bool is_text = is_utf8(name);
  for (char& c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < ' ' || byte == 0x7f || (byte > 0x7f && !is_text)) {
      c = '?';
    }
  }
  return name;
}

} // namespace

PickleValue PickleNames::add(PickleClass type) {
  type.is_foreign = true;
  // Not a dot as separator: either part may contain one.
  const auto [known, is_new] =
      by_name_.try_emplace(type.module + '\n' + type.name, entries_.size());
  if (is_new) {
    entries_.push_back({std::move(type)});
    by_identity_.emplace(entries_.back().type.identity(), known->second);
  }
  return entries_[known->second].type;
}

void PickleNames::count_call(const PickleValue& type) {
  const auto found = by_identity_.find(type.identity());
  if (found != by_identity_.end()) {
    ++entries_[found->second].calls;
  }
}

std::vector<PickledCode> PickleNames::take() {
  std::vector<PickledCode> all;
  for (const auto& [type, calls] : entries_) {
    const auto& held = *type.get_if<PickleClass>();
    const auto name = held.module + "." + held.name;
    if (!is_harmless(name)) {
      all.push_back({shown(name), calls, std::string(danger_of(name))});
    }
  }
  return all;
}

} // namespace coppice::archive
