#pragma once

#include <torch/script.h>

#include <string>
#include <vector>

#include "graph/weight_uses.h"

namespace coppice::graph {

/// A tensor in a module.
struct NamedTensor {
  std::string name;
  at::Tensor tensor;
  WeightUse::Kind kind = WeightUse::Kind::kAttribute;
  c10::IValue owner; ///< The module that holds it.
};

/// All defined tensors of a module by their names in a file: parameters,
/// buffers, attributes, and those in lists, tuples and dictionaries. A tensor
/// with two names occurs twice.
std::vector<NamedTensor> named_tensors(const torch::jit::Module& module);

} // namespace coppice::graph
