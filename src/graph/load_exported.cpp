#include "coppice/graph/load_exported.h"

#include <fmt/format.h>
#include <torch/csrc/jit/ir/constants.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "archive/zip.h"
#include "coppice/archive/file_error.h"
#include "graph/exported_module.h"
#include "graph/exported_ops.h"
#include "graph/exported_sizes.h"
#include "graph/exported_tree.h"
#include "graph/exported_values.h"
#include "io/exported_archive.h"
#include "io/foreign_file.h"
#include "io/json_events.h"

namespace coppice {
namespace {

using graph::ExportedTree;
using torch::jit::Value;

bool is_identifier(std::string_view name) {
  return !name.empty() && !(name[0] >= '0' && name[0] <= '9') &&
      name.find_first_not_of(
          "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRST"
          "UVWXYZ_0123456789") == std::string_view::npos;
}

/// An input of the program that its caller gives.
struct UserInput {
  std::string_view name;
  c10::TypePtr type;
};

/// Makes the module and the method of one program.
class ProgramLoader {
 public:
  ProgramLoader(const io::ExportedModel& model, const std::string& where)
      : model_(model),
        program_(model.program),
        where_(where),
        module_(model, where),
        graph_(std::make_shared<torch::jit::Graph>()),
        values_(*graph_, [this](std::string_view name) -> Value* {
          fail_load(fmt::format(
              "uses {}, which nothing gives; save it again",
              io::in_quotes(name)));
        }) {
    graph_->addInput("self")->setType(module_.module().type());
  }

  torch::jit::Module load() {
    add_inputs();
    graph::ExportedOps(*graph_, program_.graph, values_, where_).add_all();
    add_outputs();
    auto module = module_.module();
    module.type()->addMethod(
        module._ivalue()->compilation_unit()->create_function(
            c10::QualifiedName(*module.type()->name(), "forward"), graph_));
    return module;
  }

 private:
  [[noreturn]] void fail_load(const std::string& problem) const {
    throw FileError(fmt::format("{}: its program {}.", where_, problem));
  }

  io::JsonNode call_signature() const {
    const auto calls =
        program_.document->root()["graph_module"]["module_call_graph"].items();
    return calls.empty() ? io::JsonNode() : calls[0]["signature"];
  }

  void add_inputs();
  void add_given(const std::vector<UserInput>& inputs);
  void add_outputs();
  void change(const io::ExportedSpec& spec, Value* value);

  const io::ExportedModel& model_;
  const io::ExportedProgram& program_;
  const std::string& where_;
  graph::ExportedModule module_;
  std::shared_ptr<torch::jit::Graph> graph_;
  graph::ExportedValues values_;
};

c10::TypePtr type_of_kind(std::string_view kind) {
  if (kind == "as_int" || kind == "as_sym_int") {
    return c10::IntType::get();
  }
  if (kind == "as_float" || kind == "as_sym_float") {
    return c10::FloatType::get();
  }
  if (kind == "as_bool" || kind == "as_sym_bool") {
    return c10::BoolType::get();
  }
  return kind == "as_string" ? c10::TypePtr(c10::StringType::get())
                             : c10::TypePtr(c10::TensorType::get());
}

void ProgramLoader::add_inputs() {
  const auto& specs = program_.input_specs;
  if (specs.size() != program_.graph.inputs.size()) {
    fail_load("has other inputs than its signature says; save it again");
  }
  std::vector<UserInput> given;
  for (size_t i = 0; i < specs.size(); ++i) {
    const auto& input = program_.graph.inputs[i];
    if (specs[i].kind == "user_input") {
      given.push_back({input.name(), type_of_kind(input.kind)});
    } else if (specs[i].kind == "constant_input") {
      given.push_back({"", c10::NoneType::get()});
    } else if (specs[i].kind != "token") {
      auto* value = module_.value_of(*graph_, std::string(specs[i].target));
      if (value == nullptr) {
        fail_load(fmt::format(
            "takes {}, which is no tensor; export the model without it",
            io::in_quotes(specs[i].target)));
      }
      values_.set(input.name(), value);
    }
  }
  add_given(given);
}

/// The parameters of the method, taken apart into the program's inputs.
void ProgramLoader::add_given(const std::vector<UserInput>& inputs) {
  const auto signature = call_signature();
  const auto tree =
      graph::exported_tree(signature["in_spec"].text().value_or(""), where_);
  std::vector<c10::TypePtr> types;
  for (const auto& input : inputs) {
    types.push_back(input.type);
  }
  if (tree.children.size() != 2 || tree.leaf_count() != inputs.size()) {
    fail_load("has other inputs than it says; save it again");
  }
  // Positional ones, then those by keyword.
  std::vector<const ExportedTree*> parameters;
  std::vector<std::string> names;
  for (const auto& part : tree.children) {
    for (const auto& child : part.children) {
      parameters.push_back(&child);
    }
  }
  for (const auto& name : signature["forward_arg_names"].items()) {
    names.emplace_back(name.text().value_or(""));
  }
  const size_t positional = tree.children[0].children.size();
  names.resize(parameters.size());
  for (size_t i = 0; i < tree.children[1].keys.size(); ++i) {
    names[positional + i] = tree.children[1].keys[i];
  }
  std::vector<Value*> leaves;
  std::vector<std::string> titles;
  size_t next = 0;
  for (size_t i = 0; i < parameters.size(); ++i) {
    const size_t first = next;
    const auto type = graph::type_of_tree(*parameters[i], types, next);
    const std::string own(
        next > first ? inputs[first].name : std::string_view());
    const auto name = is_identifier(names[i]) && names[i] != "self" ? names[i]
        : is_identifier(own)                                        ? own
                             : fmt::format("input_{}", i);
    if (type->kind() == c10::TypeKind::NoneType) {
      leaves.push_back(nullptr); // Left out.
    } else {
      auto* parameter = graph_->addInput(name)->setType(type);
      graph::add_leaves(*graph_, *parameters[i], parameter, leaves);
    }
    titles.resize(leaves.size(), name);
  }
  graph::ExportedSizes sizes(*graph_, program_);
  for (size_t i = 0; i < leaves.size() && i < inputs.size(); ++i) {
    if (leaves[i] == nullptr || inputs[i].name.empty()) {
      continue;
    }
    values_.set(inputs[i].name, leaves[i]);
    if (inputs[i].type->kind() == c10::TypeKind::TensorType) {
      sizes.check(leaves[i], inputs[i].name, titles[i]);
    }
  }
}

void ProgramLoader::change(const io::ExportedSpec& spec, Value* value) {
  Value* changed = nullptr;
  if (spec.kind == "user_input_mutation") {
    changed = values_.named(spec.target);
  } else {
    changed = module_.value_of(*graph_, std::string(spec.target));
  }
  if (changed == nullptr) {
    fail_load(fmt::format(
        "changes {}, which is not there; save it again",
        io::in_quotes(spec.target)));
  }
  graph_->insert(c10::Symbol::fromQualString("aten::copy_"), {changed, value});
}

void ProgramLoader::add_outputs() {
  const auto& specs = program_.output_specs;
  if (specs.size() != program_.graph.outputs.size()) {
    fail_load("has other outputs than its signature says; save it again");
  }
  std::vector<Value*> results;
  for (size_t i = 0; i < specs.size(); ++i) {
    const auto& kind = specs[i].kind;
    if (kind == "token") {
      continue;
    }
    auto* value = values_.value_of(program_.graph.outputs[i]);
    if (kind == "user_output" || kind == "loss_output") {
      results.push_back(value);
    } else if (
        kind == "buffer_mutation" || kind == "user_input_mutation" ||
        kind == "parameter_mutation") {
      change(specs[i], value);
    } else {
      fail_load(fmt::format(
          "returns {}, which is not run here; export the model for inference",
          io::in_quotes(kind)));
    }
  }
  const auto tree = graph::exported_tree(
      call_signature()["out_spec"].text().value_or(""), where_);
  if (tree.leaf_count() != results.size()) {
    fail_load("has other outputs than it says; save it again");
  }
  size_t next = 0;
  graph_->registerOutput(graph::put_together(*graph_, tree, results, next));
}

const io::ExportedModel& model_named(
    const io::ExportedArchive& archive,
    const std::string& name,
    const std::string& path) {
  std::string names;
  for (const auto& model : archive.models) {
    if (model.name == name || (name.empty() && archive.models.size() == 1)) {
      return model;
    }
    names += (names.empty() ? "" : ", ") + io::in_quotes(model.name);
  }
  throw FileError(
      name.empty() ? fmt::format(
                         "{}: holds several models; give the name of one: {}.",
                         path,
                         names)
                   : fmt::format(
                         "{}: holds no model {}; there are {}.",
                         path,
                         io::in_quotes(name),
                         names));
}

} // namespace

torch::jit::Module load_exported(
    const std::string& path,
    const std::string& model) {
  io::require_no_folder(path);
  const auto file = MappedFile::open(path);
  io::require_no_foreign(*file);
  if (!archive::is_zip(*file)) {
    throw FileError(
        fmt::format("{}: is no archive of torch.export; give a .pt2.", path));
  }
  archive::ZipArchive zip(file);
  if (!io::is_exported_archive(zip)) {
    throw FileError(
        fmt::format("{}: is no archive of torch.export; give a .pt2.", path));
  }
  const auto archive = io::read_exported_archive(std::move(zip));
  return ProgramLoader(model_named(archive, model, path), path).load();
}

} // namespace coppice
