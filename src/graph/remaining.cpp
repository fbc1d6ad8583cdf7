#include "graph/remaining.h"

#include <algorithm>

#include "graph/forward_weights.h"

namespace coppice::graph {
namespace {

using torch::jit::Module;

bool is_state_function(const std::string& name) {
  return name == "__getstate__" || name == "__setstate__";
}

/// "forward", or its variants: "forward__1" for another type of input,
/// "forward1" for a second traced call.
bool is_some_forward(const std::string& name) {
  const std::string forward = "forward";
  return name.rfind(forward, 0) == 0 &&
      name.find_first_not_of("_0123456789", forward.size()) ==
      std::string::npos;
}

/// "__len__" of a container: meaningless without its contents.
bool is_special(const std::string& name) {
  return name.rfind("__", 0) == 0;
}

/// Whether two functions, with their callees, read no common attribute.
bool are_disjoint(const Reach& a, const Reach& b) {
  const auto is_value = [](const Member& member) {
    const auto slot = member.first->type()->findAttributeSlot(member.second);
    return slot && !member.first->type()->getAttribute(*slot)->is_module() &&
        member.second != "training";
  };
  return std::none_of(
      a.attributes().begin(), a.attributes().end(), [&](const Member& each) {
        return is_value(each) && b.attributes().count(each) != 0;
      });
}

/// Whether a submodule's method may be called from outside after `forward` is
/// replaced.
bool is_entry(const Module& root, const Member& method, const Reach& forward) {
  if (forward.functions().count(method) != 0 || is_special(method.second)) {
    return false;
  }
  if (!is_some_forward(method.second)) {
    return true;
  }
  Reach own(root);
  own.add(method.first, method.second);
  return are_disjoint(own, forward);
}

/// Whether an attribute carries no information: "training", or one without a
/// value.
bool is_trivial(const Instance& instance, size_t slot) {
  return instance.type()->getAttributeName(slot) == "training" ||
      instance.getSlot(slot).isNone();
}

class Keeper {
 public:
  Keeper(const Module& module, const Reach& reach)
      : reach_(reach), weights_(forward_weights(module)) {}

  /// Adds what stays of `instance`; returns whether anything does.
  bool keep(Instance* instance, Remaining& remaining) const {
    const auto& type = instance->type();
    const auto methods = type->methods();
    bool stays =
        std::any_of(methods.begin(), methods.end(), [&](const auto* method) {
          return reach_.functions().count({instance, method->name()}) != 0;
        });
    std::vector<Member> kept;
    for (size_t slot = 0; slot < type->numAttributes(); ++slot) {
      const Member member{instance, type->getAttributeName(slot)};
      const bool is_read = reach_.attributes().count(member) != 0;
      if (type->getAttribute(slot)->is_module()) {
        const bool child_stays =
            keep(instance->getSlot(slot).toObject().get(), remaining);
        if (!child_stays && !is_read) {
          continue;
        }
        stays = true;
      } else if (weights_.count(member) != 0 && !is_read) {
        continue;
      } else {
        stays |= is_read || !is_trivial(*instance, slot);
      }
      kept.push_back(member);
    }
    if (stays) {
      remaining.attributes.insert(kept.begin(), kept.end());
    }
    return stays;
  }

 private:
  const Reach& reach_;
  std::set<Member> weights_;
};

/// The functions that save and load the remaining modules.
std::vector<Member> state_functions(const Remaining& remaining) {
  std::vector<Member> all;
  for (const auto& [instance, name] : remaining.attributes) {
    for (const char* function : {"__getstate__", "__setstate__"}) {
      if (instance->type()->findMethod(function) != nullptr) {
        all.push_back({instance, function});
      }
    }
  }
  return all;
}

} // namespace

std::vector<Member> entries_beside_forward(const Module& module) {
  auto* const root = module._ivalue().get();
  Reach forward(module);
  forward.add(root, "forward");
  std::vector<Member> entries;
  for (const auto& each : instances_in(module)) {
    for (const auto* method : each.instance->type()->methods()) {
      const Member member{each.instance, method->name()};
      const bool is_of_model = each.instance == root &&
          member.second != "forward" && !is_state_function(member.second);
      if (is_of_model ||
          (each.instance != root && is_entry(module, member, forward))) {
        entries.push_back(member);
      }
    }
  }
  for (const auto& hook : hooks_of(*root)) {
    entries.emplace_back(root, hook);
  }
  return entries;
}

Remaining remaining_beside(const Module& module, torch::jit::Graph& forward) {
  auto* const root = module._ivalue().get();
  Reach reach(module);
  reach.stop_at(root, "forward");
  reach.add(root, forward);
  for (const auto& [instance, name] : entries_beside_forward(module)) {
    reach.add(instance, name);
  }
  Remaining remaining;
  size_t known = 0;
  do {
    known = reach.functions().size();
    remaining = {};
    Keeper(module, reach).keep(root, remaining);
    for (const auto& [instance, name] : state_functions(remaining)) {
      reach.add(instance, name);
    }
  } while (reach.functions().size() != known);
  remaining.functions = reach.functions();
  remaining.functions.insert({root, "forward"});
  return remaining;
}

} // namespace coppice::graph
