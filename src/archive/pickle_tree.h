#pragma once

#include <string_view>
#include <unordered_set>

#include "archive/pickle_value.h"

/// Properties of every tree of values, read or built. No function here
/// recurses.
namespace coppice::archive {

/// The deepest nesting of lists, tuples, sets and dictionaries; bounds the
/// recursion of callers. Inert objects can be nested arbitrarily and contain
/// themselves: walk them without recursion.
constexpr size_t kMaxPickleDepth = 500;

/// Calls `visit(const PickleValue&)` for the direct children of a value.
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

/// Whether a value can have children.
bool is_container(const PickleValue& value);

struct PickleTree {
  /// Why the tree may not be walked: "holds a value that holds itself"; empty
  /// if it may.
  std::string_view problem;
  std::unordered_set<const void*> containers; ///< By their identity.
};

PickleTree check_tree(const PickleValue& root);

/// Empties a container, so that its destructor does not recurse.
void empty_container(PickleValue& value);

} // namespace coppice::archive
