#pragma once

#include <torch/csrc/jit/ir/ir.h>

#include <map>
#include <string>

#include "io/exported_program.h"

namespace coppice::graph {

/// Adds, at the graph's insert point, checks that tensors have the sizes for
/// which the program was made: those that are fixed, those within a range, and
/// those that are the same. Who calls with another hears which and what was
/// meant.
class ExportedSizes {
 public:
  ExportedSizes(torch::jit::Graph& graph, const io::ExportedProgram& program);

  /// Of the input `name` of the program, which callers know as `title`.
  void check(
      torch::jit::Value* tensor,
      std::string_view name,
      const std::string& title);

 private:
  void
  check_fixed(torch::jit::Value* size, int64_t fixed, const std::string& place);
  void check_symbol(
      torch::jit::Value* size,
      const std::string& symbol,
      const std::string& place);
  /// Raises `text`, in which {} stands for `size`, where `bad` is true.
  void raise_where(
      torch::jit::Value* bad,
      const std::string& text,
      torch::jit::Value* size);
  torch::jit::Value*
  call(const char* op, torch::jit::Value* left, torch::jit::Value* right);

  torch::jit::Graph& graph_;
  const io::ExportedProgram& program_;
  /// Where a symbol was first seen: its size and what it is called.
  std::map<std::string, std::pair<torch::jit::Value*, std::string>> symbols_;
};

} // namespace coppice::graph
