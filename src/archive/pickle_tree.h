#pragma once

#include <string_view>
#include <unordered_set>

#include "archive/pickle_value.h"

/// What holds of every tree of values, whoever made it. No function here
/// recurses.
namespace coppice::archive {

/// Lists, tuples, sets and dictionaries may be this deep in one another, so
/// that whoever walks them may recurse. Inert objects may be of any depth and
/// hold themselves: who reads those must not recurse.
constexpr size_t kMaxPickleDepth = 500;

/// Calls `visit(const PickleValue&)` for what a value holds directly.
template <class Visit>
void for_each_child(const PickleValue& value, const Visit& visit) {
  const auto all = [&visit](const auto& items) {
    for (const auto& item : items) {
      visit(item);
    }
  };
  if (const auto* list = value.get_if<PickleList>()) {
    all(list->items);
  } else if (const auto* tuple = value.get_if<PickleTuple>()) {
    all(tuple->items);
  } else if (const auto* set = value.get_if<PickleSet>()) {
    all(set->items);
  } else if (const auto* dict = value.get_if<PickleDict>()) {
    for (const auto& [key, item] : dict->items) {
      visit(key);
      visit(item);
    }
    for (const auto& [name, item] : dict->attributes) {
      visit(item);
    }
  } else if (const auto* object = value.get_if<PickleObject>()) {
    if (object->state) {
      visit(*object->state);
    }
  } else if (const auto* inert = value.get_if<PickleInert>()) {
    visit(inert->maker);
    visit(inert->arguments);
    visit(inert->keywords);
    all(inert->items);
    for (const auto& [key, item] : inert->entries) {
      visit(key);
      visit(item);
    }
    all(inert->states);
  }
}

/// Whether a value can hold others.
bool is_container(const PickleValue& value);

struct PickleTree {
  /// Why nobody may walk it: "holds a list that holds itself"; empty if all is
  /// well.
  std::string_view problem;
  std::unordered_set<const void*> containers; ///< By their identity.
};

PickleTree check_tree(const PickleValue& root);

/// Empties a container, so that its end ends nothing else.
void empty_container(PickleValue& value);

} // namespace coppice::archive
