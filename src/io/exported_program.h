#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "io/json_document.h"

/// A program of torch.export as its JSON says, checked for its form alone.
/// Everything refers to the document, which each program keeps.
///
/// Source: the schema of `torch/_export/serde/schema.py`.
namespace coppice::io {

/// The latest schema whose programs are read; minor versions add what older
/// readers may ignore.
constexpr int64_t kLatestExportSchema = 8;

/// An argument of a node: one member of a union, such as {"as_int": 3}.
struct ExportedValue {
  std::string_view kind; ///< "as_tensor"; empty for what says nothing.
  JsonNode value;

  /// The name of the tensor, number or object that it refers to; empty if it
  /// is no name.
  std::string_view name() const;
};

struct ExportedInput {
  std::string_view name; ///< Of the argument in the op's schema.
  ExportedValue value;
};

struct ExportedNode {
  std::string_view target; ///< "torch.ops.aten.linear.default"
  std::vector<ExportedInput> inputs;
  std::vector<ExportedValue> outputs;
  JsonNode metadata; ///< Texts by their names: "nn_module_stack".
};

/// A graph: that of a program, or of a branch in it.
struct ExportedGraph {
  std::vector<ExportedValue> inputs;
  std::vector<ExportedValue> outputs;
  std::vector<ExportedNode> nodes;
  JsonNode values; ///< The graph itself: "tensor_values", "sym_int_values", ...
};

/// What an input of the graph stands for, or what becomes of an output.
struct ExportedSpec {
  std::string_view kind;     ///< "parameter", "buffer", "user_input", ...
  std::string_view name;     ///< Of the value in the graph; may be empty.
  std::string_view target;   ///< FQN of the tensor; empty for the user's own.
  bool is_persistent = true; ///< False of a buffer that no state has.
  JsonNode spec;             ///< All of it.
};

struct ExportedProgram {
  std::shared_ptr<const JsonDocument> document;
  int64_t major = 0; ///< Of its schema.
  int64_t minor = 0;
  std::string_view torch_version; ///< Empty if it says none.
  ExportedGraph graph;
  std::vector<ExportedSpec> input_specs;
  std::vector<ExportedSpec> output_specs;
};

/// Errors: FileError, which begins with `where`, if the text is no program or
///   its schema is newer than is known.
ExportedProgram parse_exported_program(
    std::string_view text,
    const std::string& where);

/// The graph in an argument such as {"as_graph": {"name": ..., "graph": ...}}.
///
/// Errors: FileError, which begins with `where`.
ExportedGraph exported_graph(JsonNode graph, const std::string& where);

} // namespace coppice::io
