#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "io/json_document.h"

/// A program of torch.export from its JSON; only its form is checked.
/// Everything refers to the document, which each program owns.
///
/// Source: the schema of `torch/_export/serde/schema.py`.
namespace coppice::io {

/// The latest supported schema. Minor versions only add what older readers may
/// ignore.
constexpr int64_t kLatestExportSchema = 8;

/// An argument of a node: one member of a union, such as {"as_int": 3}.
struct ExportedValue {
  std::string_view kind; ///< "as_tensor"; empty if missing.
  JsonNode value;

  /// The name of the tensor, number or object referred to; empty if it is not a
  /// name.
  std::string_view name() const;
};

struct ExportedInput {
  std::string_view name; ///< The argument in the schema of the op.
  ExportedValue value;
};

struct ExportedNode {
  std::string_view target; ///< "torch.ops.aten.linear.default"
  std::vector<ExportedInput> inputs;
  std::vector<ExportedValue> outputs;
  JsonNode metadata; ///< Strings by name: "nn_module_stack".
};

/// The graph of a program or of a branch in it.
struct ExportedGraph {
  std::vector<ExportedValue> inputs;
  std::vector<ExportedValue> outputs;
  std::vector<ExportedNode> nodes;
  JsonNode values; ///< The graph itself: "tensor_values", "sym_int_values", ...
};

/// The meaning of an input or output of the graph.
struct ExportedSpec {
  std::string_view kind;     ///< "parameter", "buffer", "user_input", ...
  std::string_view name;     ///< Of the value in the graph; may be empty.
  std::string_view target;   ///< FQN of the tensor; empty for user inputs.
  bool is_persistent = true; ///< False for a non-persistent buffer.
  JsonNode spec;             ///< The whole node.
};

struct ExportedProgram {
  std::shared_ptr<const JsonDocument> document;
  int64_t major = 0; ///< Schema version.
  int64_t minor = 0;
  std::string_view torch_version; ///< May be empty.
  ExportedGraph graph;
  std::vector<ExportedSpec> input_specs;
  std::vector<ExportedSpec> output_specs;
};

/// Parses a program.
///
/// Errors: FileError, prefixed by `where`, if the text is not a program or its
/// schema is newer than supported.
ExportedProgram parse_exported_program(
    std::string_view text,
    const std::string& where);

/// The graph in an argument such as {"as_graph": {"name": ..., "graph": ...}}.
///
/// Errors: FileError, prefixed by `where`.
ExportedGraph exported_graph(JsonNode graph, const std::string& where);

} // namespace coppice::io
