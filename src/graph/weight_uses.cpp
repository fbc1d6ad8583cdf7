#include "graph/weight_uses.h"

#include "graph/weight_follower.h"

namespace coppice::graph {
namespace {

using Kind = WeightUse::Kind;

std::string dotted(const std::string& name, const std::string& part) {
  return name.empty() ? part : name + "." + part;
}

std::string key_text(const c10::IValue& key) {
  return key.isString() ? key.toStringRef()
      : key.isInt()     ? std::to_string(key.toInt())
                        : "";
}

/// Lists tensors under the names that a file gives them.
class NamedTensors {
 public:
  struct Named {
    std::string name;
    at::Tensor tensor;
    Kind kind = Kind::kAttribute;
    c10::IValue owner; ///< The module that it belongs to.
  };

  explicit NamedTensors(const torch::jit::Module& module) {
    add_object(module._ivalue(), "");
  }

  const std::vector<Named>& tensors() const {
    return tensors_;
  }
  const std::vector<c10::IValue>& modules() const {
    return modules_;
  }

 private:
  void add_object(const c10::IValue& value, const std::string& name) {
    const auto object = value.toObject();
    const auto& type = object->type();
    if (++count_ > kMostObjects) {
      return;
    }
    modules_.push_back(value);
    for (size_t i = 0; i < type->numAttributes(); ++i) {
      const Kind kind = type->is_parameter(i) ? Kind::kParameter
          : type->is_buffer(i)                ? Kind::kBuffer
                                              : Kind::kAttribute;
      add(object->getSlot(i),
          dotted(name, type->getAttributeName(i)),
          kind,
          value);
    }
  }

  void add(
      const c10::IValue& value,
      const std::string& name,
      Kind kind,
      const c10::IValue& owner) {
    if (value.isTensor()) {
      if (value.toTensor().defined()) {
        tensors_.push_back({name, value.toTensor(), kind, owner});
      }
    } else if (value.isObject()) {
      add_object(value, name);
    } else if (value.isList()) {
      size_t i = 0;
      for (const c10::IValue& item : value.toListRef()) {
        add(item, dotted(name, std::to_string(i++)), kind, owner);
      }
    } else if (value.isTuple()) {
      size_t i = 0;
      for (const auto& item : value.toTupleRef().elements()) {
        add(item, dotted(name, std::to_string(i++)), kind, owner);
      }
    } else if (value.isGenericDict()) {
      for (const auto& entry : value.toGenericDict()) {
        add(entry.value(), dotted(name, key_text(entry.key())), kind, owner);
      }
    }
  }

  static constexpr size_t kMostObjects = 1'000'000;

  std::vector<Named> tensors_;
  std::vector<c10::IValue> modules_;
  size_t count_ = 0;
};

/// All methods and hooks of one module; whether there are any.
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
  const NamedTensors named(module);
  WeightFollower follower;
  WeightUses uses;
  uses.has_code = follow_methods(module._ivalue(), follower);
  // What no method of the whole calls may still be called from outside.
  c10::IValue last;
  for (const auto& each : named.tensors()) {
    const bool is_done =
        last.isObject() && last.toObject() == each.owner.toObject();
    if (!is_done && !follower.use_of(each.tensor).is_read) {
      uses.has_code |= follow_methods(each.owner, follower);
      last = each.owner;
    }
  }
  for (const auto& each : named.tensors()) {
    auto use = follower.use_of(each.tensor);
    use.kind = each.kind;
    use.is_unclear |= follower.has_blind_spots() && !use.is_read;
    uses.tensors.emplace(each.name, std::move(use));
  }
  return uses;
}

} // namespace coppice::graph
