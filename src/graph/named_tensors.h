#pragma once

#include <torch/script.h>

#include <string>
#include <vector>

#include "graph/weight_uses.h"

namespace coppice::graph {

/// A tensor that a module holds.
struct NamedTensor {
  std::string name;
  at::Tensor tensor;
  WeightUse::Kind kind = WeightUse::Kind::kAttribute;
  c10::IValue owner; ///< The module that it belongs to.
};

/// All defined tensors of a module under the names that a file gives them:
/// parameters, buffers, attributes, and those in lists, tuples and
/// dictionaries. One of two names is there twice.
std::vector<NamedTensor> named_tensors(const torch::jit::Module& module);

} // namespace coppice::graph
