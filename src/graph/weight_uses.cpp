#include "graph/weight_uses.h"

#include "graph/named_tensors.h"
#include "graph/weight_follower.h"

namespace coppice::graph {
namespace {

/// Follows all methods and hooks of a module; returns whether there are any.
bool follow_methods(const c10::IValue& module, WeightFollower& follower) {
  const auto type = module.toObject()->type();
  for (const auto* method : type->methods()) {
    follower.follow(module, *method);
  }
  for (const auto& hooks :
       {type->getForwardPreHooks(), type->getForwardHooks()}) {
    for (const auto* hook : hooks) {
      follower.follow(module, *hook);
    }
  }
  return !type->methods().empty();
}

} // namespace

WeightUses weight_uses(const torch::jit::Module& module) {
  const auto named = named_tensors(module);
  WeightFollower follower;
  WeightUses uses;
  uses.has_code = follow_methods(module._ivalue(), follower);
  // Methods that the model does not call may be called from outside.
  c10::IValue last;
  for (const auto& each : named) {
    const bool is_done =
        last.isObject() && last.toObject() == each.owner.toObject();
    if (!is_done && !follower.use_of(each.tensor).is_read) {
      uses.has_code |= follow_methods(each.owner, follower);
      last = each.owner;
    }
  }
  for (const auto& each : named) {
    auto use = follower.use_of(each.tensor);
    use.kind = each.kind;
    use.is_unclear |= follower.has_unknown_calls() && !use.is_read;
    uses.tensors.emplace(each.name, std::move(use));
  }
  return uses;
}

} // namespace coppice::graph
