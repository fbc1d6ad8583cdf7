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
  Entry& entry = entries_[known->second];
  ++entry.uses;
  return entry.type;
}

PickleNames::Entry* PickleNames::entry_of(const PickleValue& type) {
  const auto found = by_identity_.find(type.identity());
  return found == by_identity_.end() ? nullptr : &entries_[found->second];
}

void PickleNames::count_call(const PickleValue& type) {
  if (auto* entry = entry_of(type)) {
    ++entry->calls;
  }
}

void PickleNames::count_lookup(const PickleValue& type) {
  if (auto* entry = entry_of(type)) {
    ++entry->lookups;
  }
}

void PickleNames::count_use(const PickleValue& type) {
  if (auto* entry = entry_of(type)) {
    ++entry->uses;
  }
}

std::vector<PickledCode> PickleNames::take() {
  std::vector<PickledCode> all;
  for (const auto& entry : entries_) {
    const auto& type = *entry.type.get_if<PickleClass>();
    const auto name = type.module + "." + type.name;
    if (!is_harmless(name) && entry.uses > entry.lookups) {
      all.push_back({shown(name), entry.calls, std::string(danger_of(name))});
    }
  }
  return all;
}

} // namespace coppice::archive
