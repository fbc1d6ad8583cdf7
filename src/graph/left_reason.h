#pragma once

#include <torch/csrc/jit/ir/ir.h>
#include <torch/types.h>

#include <string>

#include "graph/op_roles.h"

namespace coppice::graph {

/// A weight that an op takes.
struct TakenWeight {
  torch::Tensor tensor;
  std::string layer;
  bool is_state = false; ///< An attribute that something writes to.
};

/// What the layer is called that an op computes, "conv3d" also of an op that is
/// for any number of dimensions.
std::string layer_kind(
    const torch::jit::Node* node,
    const OpRoles& roles,
    const torch::Tensor& weight);

/// Why no sparse product can take the place of an op.
std::string left_reason(
    const torch::jit::Node* node,
    const OpRoles& roles,
    const TakenWeight& weight,
    bool is_forked);

} // namespace coppice::graph
