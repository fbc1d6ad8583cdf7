#include "graph/exported_module.h"

#include <fmt/format.h>
#include <torch/csrc/jit/frontend/lexer.h>

#include <algorithm>
#include <memory>

#include "coppice/archive/file_error.h"
#include "coppice/model/torch_tensors.h"
#include "core/fqn.h"
#include "io/json_events.h"

namespace coppice::graph {
namespace {

/// Names are written into a file as code, which knows no escapes.
bool is_writable(const std::string& name) {
  return !name.empty() &&
      std::all_of(
          name.begin(),
          name.end(),
          [](char c) {
            return c >= ' ' && c <= '~' && c != '"' && c != '\\';
          }) &&
      name != "forward" && name != "training";
}

std::map<std::string, std::string> kinds_of(const io::ExportedModel& model) {
  std::map<std::string, std::string> kinds;
  for (const auto& spec : model.program.input_specs) {
    if (!spec.target.empty()) {
      kinds[std::string(spec.target)] = spec.kind;
    }
  }
  return kinds;
}

} // namespace

ExportedModule::ExportedModule(
    const io::ExportedModel& model,
    const std::string& where)
    : where_(where),
      module_(
          c10::QualifiedName("__torch__.coppice.Exported"),
          std::make_shared<torch::jit::CompilationUnit>(),
          /*shouldMangle=*/true) {
  module_.register_attribute("training", c10::BoolType::get(), false);
  const auto kinds = kinds_of(model);
  for (const auto& stored : model.state) {
    const auto kind = kinds.find(stored.name);
    add(stored, kind == kinds.end() ? "parameter" : kind->second);
  }
  for (const auto& stored : model.constants) {
    add(stored, "buffer");
  }
}

at::Tensor ExportedModule::tensor_of(const StoredTensor& stored) {
  for (const auto& [other, tensor] : made_) {
    if (other.data == stored.data && other.dtype == stored.dtype &&
        other.shape == stored.shape && other.strides == stored.strides &&
        stored.numel() > 0) {
      return tensor;
    }
  }
  if (!scalar_type_of(stored.dtype)) {
    throw FileError(fmt::format(
        "{}: tensor {} has dtype {}, which this LibTorch lacks; use a newer "
        "one.",
        where_,
        io::in_quotes(stored.name),
        dtype_name(stored.dtype)));
  }
  auto tensor = as_tensor(stored).clone(at::MemoryFormat::Preserve);
  made_.emplace_back(stored, tensor);
  return tensor;
}

torch::jit::Module ExportedModule::child(
    const torch::jit::Module& parent,
    const std::string& name) {
  if (parent.hasattr(name)) {
    return parent.attr(name).toModule();
  }
  torch::jit::Module made(
      c10::QualifiedName("__torch__.coppice.Part"),
      parent._ivalue()->compilation_unit(),
      /*shouldMangle=*/true);
  made.register_attribute("training", c10::BoolType::get(), false);
  auto owner = parent;
  owner.register_module(name, made);
  return made;
}

void ExportedModule::add(const StoredTensor& stored, const std::string& kind) {
  auto owner = module_;
  auto parts = fqn_parts(stored.name);
  for (const auto& part : parts) {
    if (!is_writable(part)) {
      throw FileError(fmt::format(
          "{}: TorchScript cannot hold the name {}; export the model under "
          "other names.",
          where_,
          io::in_quotes(stored.name)));
    }
  }
  for (size_t i = 0; i + 1 < parts.size(); ++i) {
    owner = child(owner, parts[i]);
  }
  if (owner.hasattr(parts.back())) {
    throw FileError(fmt::format(
        "{}: has two things of the name {}; export the model again.",
        where_,
        io::in_quotes(stored.name)));
  }
  auto tensor = tensor_of(stored);
  if (kind == "parameter" && tensor.is_floating_point()) {
    owner.register_parameter(
        parts.back(),
        tensor.set_requires_grad(true),
        /*is_buffer=*/false);
  } else {
    owner.register_buffer(parts.back(), tensor);
  }
  names_[stored.name] = true;
}

torch::jit::Value* ExportedModule::value_of(
    torch::jit::Graph& graph,
    const std::string& fqn) {
  if (names_.count(fqn) == 0) {
    return nullptr;
  }
  auto* value = graph.inputs().at(0);
  for (const auto& part : fqn_parts(fqn)) {
    value = graph.insertGetAttr(value, part);
  }
  return value;
}

} // namespace coppice::graph
