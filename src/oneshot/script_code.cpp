#include "oneshot/script_code.h"

#include <set>

#include "archive/pickle_value.h"
#include "archive/zip.h"
#include "core/fqn.h"
#include "io/torch_archive.h"

namespace coppice::oneshot {
namespace {

using Kind = graph::WeightUse::Kind;

bool has_ending(std::string_view text, std::string_view end) {
  return text.size() >= end.size() &&
      text.substr(text.size() - end.size()) == end;
}

/// The names in a class's `__buffers__ = ["mean", "std", ]`.
std::set<std::string> list_of(const std::string& text, const char* field) {
  std::set<std::string> names;
  const auto begin = text.find(std::string(field) + " = [");
  if (begin == std::string::npos) {
    return names;
  }
  const auto end = text.find(']', begin);
  auto quote = text.find('"', begin);
  while (quote != std::string::npos && quote < end) {
    const auto close = text.find('"', quote + 1);
    names.insert(text.substr(quote + 1, close - quote - 1));
    quote = close == std::string::npos ? close : text.find('"', close + 1);
  }
  return names;
}

/// Attributes that the classes of an archive declare.
class Declarations {
 public:
  explicit Declarations(const ScriptCode& code) : code_(code) {}

  struct Class {
    std::set<std::string> parameters;
    std::set<std::string> buffers;
  };

  const Class& of(const PickleClass& type) {
    const auto key = type.module + "." + type.name;
    const auto [known, is_new] = known_.try_emplace(key);
    if (is_new) {
      known->second = read(type);
    }
    return known->second;
  }

 private:
  Class read(const PickleClass& type) const {
    auto file = "code/" + type.module;
    for (auto& c : file) {
      c = c == '.' ? '/' : c;
    }
    const auto found = code_.find(file + ".py");
    if (found == code_.end()) {
      return {};
    }
    const auto begin = found->second.find("class " + type.name + "(");
    if (begin == std::string::npos) {
      return {};
    }
    const auto end = found->second.find("\nclass ", begin);
    const auto text = found->second.substr(
        begin, end == std::string::npos ? end : end - begin);
    return {list_of(text, "__parameters__"), list_of(text, "__buffers__")};
  }

  const ScriptCode& code_;
  std::map<std::string, Class> known_;
};

using Kinds = std::map<std::string, graph::WeightUse>;

void add_kinds(
    const PickleValue& value,
    const std::string& name,
    Declarations& declarations,
    Kinds& kinds) {
  const auto* object = value.get_if<PickleObject>();
  const auto* state =
      object && object->state ? object->state->get_if<PickleDict>() : nullptr;
  if (state == nullptr || kinds.size() > 1'000'000) {
    return;
  }
  const auto& declared = declarations.of(object->type);
  for (const auto& [key, item] : state->items) {
    const auto* text = key.get_if<std::string>();
    if (text == nullptr) {
      continue;
    }
    const auto full = join_fqn(name, *text);
    if (declared.buffers.count(*text) != 0) {
      kinds[full].kind = Kind::kBuffer;
    } else if (declared.parameters.count(*text) != 0) {
      kinds[full].kind = Kind::kParameter;
    }
    add_kinds(item, full, declarations, kinds);
  }
}

} // namespace

ScriptCode script_code(const Checkpoint& checkpoint) {
  archive::ZipArchive zip(checkpoint.files.at(0));
  ScriptCode code;
  for (const auto& entry : zip.entries()) {
    if (has_ending(entry.name, ".py")) {
      const auto name = entry.name.substr(entry.name.find('/') + 1);
      code.emplace(name, zip.read(entry).view());
    }
  }
  return code;
}

Kinds declared_kinds(const Checkpoint& checkpoint, const ScriptCode& code) {
  io::TorchArchive archive(checkpoint.files.at(0));
  Declarations declarations(code);
  Kinds kinds;
  add_kinds(archive.data(), "", declarations, kinds);
  return kinds;
}

} // namespace coppice::oneshot
