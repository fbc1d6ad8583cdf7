#pragma once

#include <torch/csrc/jit/ir/ir.h>
#include <torch/types.h>

#include <string>

#include "graph/op_roles.h"

namespace coppice::graph {

/// A weight of an op.
struct TakenWeight {
  torch::Tensor tensor;
  std::string layer;
  bool is_state = false; ///< An attribute that is written to.
};

/// The name of an op's layer; "conv3d" also for an op of any number of
/// dimensions.
std::string layer_kind(
    const torch::jit::Node* node,
    const OpRoles& roles,
    const torch::Tensor& weight);

/// Why a sparse product cannot replace an op.
std::string left_reason(
    const torch::jit::Node* node,
    const OpRoles& roles,
    const TakenWeight& weight,
    bool is_forked);

} // namespace coppice::graph
