#include "io/exported_program.h"

#include <fmt/format.h>

#include "coppice/archive/file_error.h"
#include "io/json_events.h"

namespace coppice::io {
namespace {

[[noreturn]] void fail_as_program(
    const std::string& where,
    const std::string& problem) {
  throw FileError(fmt::format(
      "{} is not a program of torch.export: {}; save it again.",
      where,
      problem));
}

/// The member of a union; older writers have the others as null.
ExportedValue member_of(JsonNode node) {
  for (const JsonNode& member : node.items()) {
    if (node.kind() == JsonKind::Object && member) {
      return {member.key(), member};
    }
  }
  return {};
}

std::string_view text_or_empty(JsonNode node) {
  return node.text().value_or(std::string_view());
}

/// Parses nodes and checks their form.
class ProgramReader {
 public:
  explicit ProgramReader(const std::string& where) : where_(where) {}

  JsonNode require(JsonNode from, std::string_view member, JsonKind kind)
      const {
    const auto found = from[member];
    if (found.kind() != kind) {
      fail_as_program(
          where_,
          fmt::format(
              "{} {}",
              in_quotes(member),
              found.kind() == JsonKind::None ? "is missing"
                                             : "has the wrong type"));
    }
    return found;
  }

  ExportedGraph graph(JsonNode node) const {
    ExportedGraph graph;
    graph.values = node;
    graph.inputs = values(require(node, "inputs", JsonKind::Array));
    graph.outputs = values(require(node, "outputs", JsonKind::Array));
    for (const auto& each : require(node, "nodes", JsonKind::Array).items()) {
      graph.nodes.push_back(graph_node(each));
    }
    return graph;
  }

  std::vector<ExportedSpec> specs(JsonNode list) const {
    std::vector<ExportedSpec> specs;
    for (const auto& each : list.items()) {
      specs.push_back(spec_of(member_of(each)));
    }
    return specs;
  }

 private:
  static std::vector<ExportedValue> values(JsonNode list) {
    std::vector<ExportedValue> values;
    for (const auto& each : list.items()) {
      values.push_back(member_of(each));
    }
    return values;
  }

  ExportedNode graph_node(JsonNode node) const {
    ExportedNode result;
    result.target = *require(node, "target", JsonKind::Text).text();
    for (const auto& each : require(node, "inputs", JsonKind::Array).items()) {
      result.inputs.push_back(
          {*require(each, "name", JsonKind::Text).text(),
           member_of(each["arg"])});
    }
    result.outputs = values(require(node, "outputs", JsonKind::Array));
    result.metadata = node["metadata"];
    return result;
  }

  static ExportedSpec spec_of(const ExportedValue& member) {
    ExportedSpec spec;
    spec.kind = member.kind;
    spec.spec = member.value;
    const auto arg = member.value["arg"];
    spec.name = text_or_empty(arg["name"]);
    if (spec.name.empty()) { // User inputs are unions.
      spec.name = member_of(arg).name();
    }
    for (const auto* target :
         {"parameter_name",
          "buffer_name",
          "tensor_constant_name",
          "custom_obj_name",
          "user_input_name"}) {
      if (const auto found = member.value[target].text()) {
        spec.target = *found;
      }
    }
    spec.is_persistent = member.value["persistent"].truth().value_or(true);
    return spec;
  }

  const std::string& where_;
};

/// Torch 2.1 wrote the version as one number.
void read_version(JsonNode version, ExportedProgram& program) {
  const bool is_number = version.kind() == JsonKind::Integer;
  program.major =
      (is_number ? version : version["major"]).integer().value_or(0);
  program.minor = version["minor"].integer().value_or(0);
}

} // namespace

std::string_view ExportedValue::name() const {
  for (const auto* member : {"name", "as_name"}) {
    if (const auto found = value[member].text()) {
      return *found;
    }
  }
  return "";
}

ExportedGraph exported_graph(JsonNode graph, const std::string& where) {
  return ProgramReader(where).graph(graph);
}

ExportedProgram parse_exported_program(
    std::string_view text,
    const std::string& where) {
  ExportedProgram program;
  program.document = JsonDocument::parse(text, where);
  const auto root = program.document->root();
  read_version(root["schema_version"], program);
  if (program.major > kLatestExportSchema) {
    throw FileError(fmt::format(
        "{} has version {}.{} of the schema of torch.export, but {} is the "
        "latest supported; save it with an older PyTorch.",
        where,
        program.major,
        program.minor,
        kLatestExportSchema));
  }
  program.torch_version = text_or_empty(root["torch_version"]);
  const ProgramReader reader(where);
  const auto module = reader.require(root, "graph_module", JsonKind::Object);
  program.graph =
      reader.graph(reader.require(module, "graph", JsonKind::Object));
  const auto signature = reader.require(module, "signature", JsonKind::Object);
  program.input_specs = reader.specs(signature["input_specs"]);
  program.output_specs = reader.specs(signature["output_specs"]);
  return program;
}

} // namespace coppice::io
