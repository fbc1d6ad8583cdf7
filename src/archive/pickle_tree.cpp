#include "archive/pickle_tree.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

namespace coppice::archive {
namespace {

/// A container on the path from the root to the current value.
struct Level {
  const void* identity;
  bool is_inert;
  size_t inerts; ///< Inert objects from the root to here.
  size_t depth;  ///< Plain containers from the last inert object to here.
  std::vector<const PickleValue*> children;
  size_t next = 0;
  size_t height = 1; ///< Plain containers from here to an inert one or a leaf.
};

/// The state of a visited container.
struct Known {
  bool is_in_progress = true;
  size_t level = 0;  ///< If in progress.
  size_t height = 0; ///< If done.
};

class TreeWalk {
 public:
  PickleTree run(const PickleValue& root) {
    if (is_container(root)) {
      enter(root);
    }
    while (!levels_.empty() && tree_.problem.empty()) {
      if (levels_.back().next < levels_.back().children.size()) {
        step();
      } else {
        leave();
      }
    }
    return std::move(tree_);
  }

 private:
  static constexpr std::string_view kTooDeep = "nests values too deeply";

  void enter(const PickleValue& value) {
    Level level{};
    level.identity = value.identity();
    level.is_inert = value.get_if<PickleInert>() != nullptr;
    if (!levels_.empty()) {
      level.inerts = levels_.back().inerts;
      level.depth = levels_.back().depth;
    }
    level.inerts += level.is_inert ? 1 : 0;
    level.depth = level.is_inert ? 0 : level.depth + 1;
    level.height = 1;
    for_each_child(value, [&level](const PickleValue& child) {
      if (is_container(child)) {
        level.children.push_back(&child);
      }
    });
    if (level.depth > kMaxPickleDepth) {
      tree_.problem = kTooDeep;
    }
    known_[level.identity] = {true, levels_.size(), 0};
    tree_.containers.insert(level.identity);
    levels_.push_back(std::move(level));
  }

  /// Visits the next child of the last level.
  void step() {
    Level& level = levels_.back();
    const PickleValue& child = *level.children[level.next];
    const auto found = known_.find(child.identity());
    if (found == known_.end()) {
      enter(child); // Invalidates `level`.
      return;
    }
    const Known& known = found->second;
    if (!known.is_in_progress) {
      level.height = std::max(level.height, known.height + 1);
    } else if (!has_inert_from(known.level)) {
      tree_.problem = "holds a value that holds itself";
    }
    ++level.next;
  }

  bool has_inert_from(size_t level) const {
    const size_t before = level == 0 ? 0 : levels_[level - 1].inerts;
    return levels_.back().inerts > before;
  }

  void leave() {
    const Level& level = levels_.back();
    if (level.is_inert) {
      known_[level.identity] = {false, 0, 0};
    } else if (level.height > kMaxPickleDepth) {
      tree_.problem = kTooDeep; // By a later path.
    } else {
      known_[level.identity] = {false, 0, level.height};
    }
    levels_.pop_back();
  }

  PickleTree tree_;
  std::unordered_map<const void*, Known> known_;
  std::vector<Level> levels_;
};

} // namespace

bool is_container(const PickleValue& value) {
  return value.get_if<PickleList>() || value.get_if<PickleTuple>() ||
      value.get_if<PickleSet>() || value.get_if<PickleDict>() ||
      value.get_if<PickleObject>() || value.get_if<PickleInert>();
}

PickleTree check_tree(const PickleValue& root) {
  return TreeWalk().run(root);
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
  } else if (auto* inert = value.edit_if<PickleInert>()) {
    *inert = {};
  }
}

} // namespace coppice::archive
