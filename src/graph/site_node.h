#pragma once

#include <torch/csrc/jit/ir/ir.h>

#include "graph/method_values.h"

namespace coppice::graph {

/// Whether it is the type of an ActivationSite.
bool is_site_type(const c10::TypePtr& type);

/// Whether it is a call of `coppice::activation_site`.
bool is_site_node(const torch::jit::Node& node);

/// Lets the input `index` of `node` pass the site of `module`, a value.
void insert_site_before(
    torch::jit::Node* node,
    size_t index,
    torch::jit::Value* module);

/// Lets the input `index` of a method pass the site of `self`.
void insert_site_at_start(torch::jit::Graph& graph, size_t index);

/// Puts ordinary ops with constant masks in the place of a call of
/// `coppice::activation_site`, and removes it.
///
/// Errors: c10::ValueError if its site cannot be told from the graph.
void replace_by_masks(torch::jit::Node* node, const MethodValues& values);

} // namespace coppice::graph
