#include "graph/exported_tree.h"

#include <fmt/format.h>

#include <algorithm>

#include "coppice/archive/file_error.h"
#include "io/json_events.h"

namespace coppice::graph {
namespace {

using Kind = ExportedTree::Kind;
using torch::jit::Value;

[[noreturn]] void fail_tree(
    const std::string& where,
    const std::string& problem) {
  throw FileError(fmt::format("{}: its program {}.", where, problem));
}

/// The keys of a dictionary, which its context holds as a text of JSON.
std::vector<std::string> keys_of(
    std::string_view context,
    const std::string& where) {
  std::vector<std::string> keys;
  const auto document = io::JsonDocument::parse(context, where);
  for (const auto& key : document->root().items()) {
    if (!key.text()) {
      fail_tree(
          where,
          "has a dictionary with keys that are no text, which TorchScript "
          "lacks; export it with other inputs or outputs");
    }
    keys.emplace_back(*key.text());
  }
  return keys;
}

ExportedTree tree_of(io::JsonNode node, const std::string& where) {
  ExportedTree tree;
  const auto type = node["type"];
  if (!type) {
    return tree;
  }
  const auto name = type.text().value_or("?");
  for (const auto& child : node["children_spec"].items()) {
    tree.children.push_back(tree_of(child, where));
  }
  if (name == "builtins.tuple") {
    tree.kind = Kind::kTuple;
  } else if (name == "builtins.list") {
    tree.kind = Kind::kList;
  } else if (name == "builtins.dict" || name == "collections.OrderedDict") {
    tree.kind = Kind::kDict;
    tree.keys = keys_of(node["context"].text().value_or("[]"), where);
    if (tree.keys.size() != tree.children.size()) {
      fail_tree(where, "has a dictionary with more keys than values, or fewer");
    }
  } else {
    fail_tree(
        where,
        fmt::format(
            "takes or returns an object of the class {}; export it with "
            "tuples, lists and dictionaries",
            io::in_quotes(name)));
  }
  return tree;
}

bool is_one_type(const std::vector<c10::TypePtr>& types) {
  return !types.empty() &&
      std::all_of(types.begin(), types.end(), [&](const auto& type) {
        return *type == *types[0];
      });
}

std::vector<c10::TypePtr> types_of(const std::vector<Value*>& values) {
  std::vector<c10::TypePtr> types;
  for (const auto* value : values) {
    types.push_back(value->type());
  }
  return types;
}

} // namespace

size_t ExportedTree::leaf_count() const {
  if (kind == Kind::kLeaf) {
    return 1;
  }
  size_t count = 0;
  for (const auto& child : children) {
    count += child.leaf_count();
  }
  return count;
}

ExportedTree exported_tree(std::string_view text, const std::string& where) {
  const auto document = io::JsonDocument::parse(text, where);
  const auto parts = document->root().items();
  constexpr int64_t kVersion = 1;
  if (parts.size() != 2 || parts[0].integer() != kVersion) {
    fail_tree(
        where,
        "describes its inputs in a way that is not known here; save it with "
        "an older PyTorch");
  }
  return tree_of(parts[1], where);
}

c10::TypePtr type_of_tree(
    const ExportedTree& tree,
    const std::vector<c10::TypePtr>& leaves,
    size_t& next) {
  if (tree.kind == Kind::kLeaf) {
    return next < leaves.size() ? leaves[next++] : c10::TensorType::get();
  }
  std::vector<c10::TypePtr> types;
  for (const auto& child : tree.children) {
    types.push_back(type_of_tree(child, leaves, next));
  }
  if (tree.kind == Kind::kTuple || !is_one_type(types)) {
    return c10::TupleType::create(types);
  }
  if (tree.kind == Kind::kList) {
    return c10::ListType::create(types[0]);
  }
  return c10::DictType::create(c10::StringType::get(), types[0]);
}

void add_leaves(
    torch::jit::Graph& graph,
    const ExportedTree& tree,
    Value* value,
    std::vector<Value*>& leaves) {
  if (tree.kind == Kind::kLeaf) {
    leaves.push_back(value);
    return;
  }
  std::vector<Value*> parts;
  const auto kind = value->type()->kind();
  if (kind == c10::TypeKind::DictType) {
    for (const auto& key : tree.keys) {
      parts.push_back(graph.insert(
          c10::Symbol::fromQualString("aten::__getitem__"),
          {value, graph.insertConstant(key)}));
    }
  } else {
    auto* unpack = graph.insertNode(
        kind == c10::TypeKind::ListType
            ? graph.createListUnpack(value, tree.children.size())
            : graph.createTupleUnpack(value));
    parts.assign(unpack->outputs().begin(), unpack->outputs().end());
  }
  for (size_t i = 0; i < tree.children.size(); ++i) {
    add_leaves(graph, tree.children[i], parts[i], leaves);
  }
}

Value* put_together(
    torch::jit::Graph& graph,
    const ExportedTree& tree,
    const std::vector<Value*>& leaves,
    size_t& next) {
  if (tree.kind == Kind::kLeaf) {
    return next < leaves.size() ? leaves[next++]
                                : graph.insertConstant(c10::IValue());
  }
  std::vector<Value*> parts;
  for (const auto& child : tree.children) {
    parts.push_back(put_together(graph, child, leaves, next));
  }
  const auto types = types_of(parts);
  if (tree.kind == Kind::kTuple || !is_one_type(types)) {
    return graph.insertNode(graph.createTuple(parts))->output();
  }
  if (tree.kind == Kind::kList) {
    return graph.insertNode(graph.createList(types[0], parts))->output();
  }
  std::vector<Value*> keys;
  for (const auto& key : tree.keys) {
    keys.push_back(graph.insertConstant(key));
  }
  return graph
      .insertNode(
          graph.createDict(c10::StringType::get(), types[0], keys, parts))
      ->output();
}

} // namespace coppice::graph
