#pragma once

#include <torch/csrc/jit/ir/ir.h>

#include "coppice/core/activation_site.h"
#include "graph/method_values.h"

namespace coppice::graph {

/// Whether it is ActivationSite's type.
bool is_site_type(const c10::TypePtr& type);

/// Whether it is a call of `coppice::activation_site`.
bool is_site_node(const torch::jit::Node& node);

/// The site of such a call.
///
/// Errors: c10::ValueError if the graph does not tell it.
c10::intrusive_ptr<ActivationSite> site_of(
    const torch::jit::Node& call,
    const MethodValues& values);

/// Passes input `index` of `node` through the site of `module`, a value.
void insert_site_before(
    torch::jit::Node* node,
    size_t index,
    torch::jit::Value* module);

/// Passes input `index` of a method through the site of `self`.
void insert_site_at_start(torch::jit::Graph& graph, size_t index);

/// Replaces a call of `coppice::activation_site` by ordinary ops with constant
/// masks.
///
/// Errors: c10::ValueError if the graph does not determine its site.
void replace_by_masks(torch::jit::Node* node, const MethodValues& values);

} // namespace coppice::graph
