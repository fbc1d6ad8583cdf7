#include "graph/exported_uses.h"

#include <torch/torch.h>

#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "graph/exported_graph.h"
#include "graph/weight_follower.h"

namespace coppice::graph {
namespace {

/// A tensor with the address and shape of `stored`. Analysis does not need its
/// dtype: bytes are enough.
at::Tensor followable(const StoredTensor& stored) {
  return at::from_blob(
      const_cast<std::byte*>(stored.data),
      stored.shape,
      stored.strides,
      at::TensorOptions(at::kByte));
}

struct ModelTensor {
  at::Tensor tensor;
  WeightUse::Kind kind = WeightUse::Kind::kAttribute;
};

using ModelTensors = std::map<std::string, ModelTensor, std::less<>>;

ModelTensors tensors_of(const io::ExportedModel& model) {
  ModelTensors tensors;
  for (const auto* part : {&model.state, &model.constants}) {
    for (const auto& stored : *part) {
      tensors[stored.name].tensor = followable(stored);
    }
  }
  for (const auto& spec : model.program.input_specs) {
    const auto found = tensors.find(spec.target);
    if (found != tensors.end() && spec.kind == "parameter") {
      found->second.kind = WeightUse::Kind::kParameter;
    } else if (found != tensors.end() && spec.kind == "buffer") {
      found->second.kind = WeightUse::Kind::kBuffer;
    }
  }
  return tensors;
}

void add_names(io::JsonNode value, std::set<std::string_view>& names) {
  if (const auto name = io::ExportedValue{"", value}.name(); !name.empty()) {
    names.insert(name);
    return;
  }
  for (const auto& item : value.items()) {
    add_names(item, names);
  }
}

/// The names of all nodes' inputs.
std::set<std::string_view> names_taken(const io::ExportedGraph& graph) {
  std::set<std::string_view> names;
  for (const auto& node : graph.nodes) {
    for (const auto& input : node.inputs) {
      if (input.value.kind != "as_graph") {
        add_names(input.value.value, names);
      }
    }
  }
  return names;
}

} // namespace

WeightUses exported_uses(
    const io::ExportedModel& model,
    const std::string& where) {
  const auto tensors = tensors_of(model);
  const auto& specs = model.program.input_specs;
  const auto taken = names_taken(model.program.graph);
  WeightFollower follower;
  std::vector<FollowedValue> arguments;
  for (size_t i = 0; i < model.program.graph.inputs.size(); ++i) {
    const auto found =
        i < specs.size() ? tensors.find(specs[i].target) : tensors.end();
    const bool is_users = i >= specs.size() || specs[i].kind == "user_input";
    if (is_users || found == tensors.end()) {
      arguments.push_back(is_users ? FollowedValue::input() : FollowedValue());
      continue;
    }
    arguments.push_back(FollowedValue::of(found->second.tensor));
    if (taken.count(specs[i].name) != 0) {
      follower.note_read(arguments.back());
    }
  }
  const auto graph = exported_graph_to_follow(model.program.graph, where);
  follower.follow_graph(*graph, std::move(arguments));
  WeightUses uses;
  uses.has_code = true;
  for (const auto& [name, each] : tensors) {
    auto use = follower.use_of(each.tensor);
    use.kind = each.kind;
    uses.tensors.emplace(name, std::move(use));
  }
  return uses;
}

} // namespace coppice::graph
