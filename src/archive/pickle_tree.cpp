#include "archive/pickle_tree.h"

#include <algorithm>
#include <unordered_map>

namespace coppice::archive {
namespace {

/// A container on the way from the root to where the walk is.
struct Level {
  const void* identity;
  std::vector<const PickleValue*> children;
  size_t next = 0;
  size_t height = 1;
};

Level level_of(const PickleValue& value) {
  Level level{value.identity(), {}};
  for_each_child(value, [&level](const PickleValue& child) {
    if (is_container(child)) {
      level.children.push_back(&child);
    }
  });
  return level;
}

} // namespace

bool is_container(const PickleValue& value) {
  return value.get_if<PickleList>() || value.get_if<PickleTuple>() ||
      value.get_if<PickleSet>() || value.get_if<PickleDict>() ||
      value.get_if<PickleObject>();
}

PickleTree check_tree(const PickleValue& root) {
  constexpr size_t kOnTheWay = 0;
  PickleTree tree;
  std::unordered_map<const void*, size_t> heights;
  std::vector<Level> levels;
  const auto enter = [&](const PickleValue& value) {
    heights[value.identity()] = kOnTheWay;
    tree.containers.insert(value.identity());
    levels.push_back(level_of(value));
  };
  if (is_container(root)) {
    enter(root);
  }
  constexpr std::string_view kTooDeep = "holds values too deep in one another";
  while (!levels.empty()) {
    if (levels.size() > kMaxPickleDepth) {
      tree.problem = kTooDeep;
      return tree;
    }
    Level& level = levels.back();
    if (level.next < level.children.size()) {
      const PickleValue& child = *level.children[level.next];
      const auto known = heights.find(child.identity());
      if (known == heights.end()) {
        enter(child); // Ends the reference `level`.
        continue;
      }
      if (known->second == kOnTheWay) {
        tree.problem = "holds a value that holds itself";
        return tree;
      }
      level.height = std::max(level.height, known->second + 1);
      ++level.next;
      continue;
    }
    if (level.height > kMaxPickleDepth) {
      tree.problem = kTooDeep; // By another way than the first.
      return tree;
    }
    heights[level.identity] = level.height;
    levels.pop_back();
  }
  return tree;
}

void empty_container(PickleValue& value) {
  if (auto* list = value.edit_if<PickleList>()) {
    list->items.clear();
  } else if (auto* tuple = value.edit_if<PickleTuple>()) {
    tuple->items.clear();
  } else if (auto* set = value.edit_if<PickleSet>()) {
    set->items.clear();
  } else if (auto* dict = value.edit_if<PickleDict>()) {
    dict->items.clear();
    dict->attributes.clear();
  } else if (auto* object = value.edit_if<PickleObject>()) {
    object->state.reset();
  }
}

} // namespace coppice::archive
