#include "graph/named_tensors.h"

#include <utility>

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

/// Lists tensors by their names in a file.
class NamedTensors {
 public:
  explicit NamedTensors(const torch::jit::Module& module) {
    add_object(module._ivalue(), "");
  }

  std::vector<NamedTensor> take() {
    return std::move(tensors_);
  }

 private:
  void add_object(const c10::IValue& value, const std::string& name) {
    const auto object = value.toObject();
    const auto& type = object->type();
    if (++count_ > kMostObjects) {
      return;
    }
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

  std::vector<NamedTensor> tensors_;
  size_t count_ = 0;
};

} // namespace

std::vector<NamedTensor> named_tensors(const torch::jit::Module& module) {
  return NamedTensors(module).take();
}

} // namespace coppice::graph
