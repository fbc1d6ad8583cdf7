#pragma once

#include <torch/script.h>

#include <map>
#include <string>
#include <vector>

#include "io/exported_archive.h"

namespace coppice::graph {

/// The tensors of a program in nested modules, as its FQNs say, and the values
/// that they have in the graph of the outermost one's method.
class ExportedModule {
 public:
  /// Copies the tensors: what runs may change them. Names of the same place
  /// share one.
  ///
  /// Errors: FileError, which begins with `where`, if LibTorch has no such
  /// dtype
  ///   or TorchScript no such name.
  ExportedModule(const io::ExportedModel& model, const std::string& where);

  const torch::jit::Module& module() const {
    return module_;
  }

  /// The tensor of an FQN in a graph whose first input is the module; null if
  /// there is none.
  torch::jit::Value* value_of(torch::jit::Graph& graph, const std::string& fqn);

 private:
  void add(const StoredTensor& stored, const std::string& kind);
  torch::jit::Module child(
      const torch::jit::Module& parent,
      const std::string& name);
  at::Tensor tensor_of(const StoredTensor& stored);

  const std::string& where_;
  torch::jit::Module module_;
  std::map<std::string, bool> names_; ///< Those of all tensors.
  std::vector<std::pair<StoredTensor, at::Tensor>> made_;
};

} // namespace coppice::graph
