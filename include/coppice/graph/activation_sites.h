#pragma once

#include <torch/script.h>

#include <string>
#include <vector>

#include "coppice/core/activation_site.h"
#include "coppice/export.h"

namespace coppice {

/// A copy of `module` in which activations pass through a site where they enter
/// a layer. Outputs are equal bit for bit; the copy shares parameters and
/// buffers with `module`, which does not change and may have run before.
///
/// A layer whose forward is called has its site at the start of the forward, on
/// its first input; the module itself on its first tensor input. A layer whose
/// calls were inlined has its site before each op that uses its weight: linear,
/// matmul, convolution, normalization, LSTM and similar ops; not embedding. The
/// site is the layer's attribute `activation_site` and is saved with the
/// module. Loading the file needs libcoppice, also in Python
/// (`torch.ops.load_library`). Existing sites are copied with their observers
/// and masks.
///
/// Layers are those whose FQN matches one of `layer_globs`; the FQN of the
/// module itself is empty, so that `*` matches it. Layers that cannot have a
/// site are skipped (`activation_layers` has the reasons).
///
/// Errors: c10::ValueError if a glob matches no layer, or none that can have a
///   site, or `module` chooses between submodules at run time.
COPPICE_API torch::jit::Module with_activation_sites(
    const torch::jit::Module& module,
    const std::vector<std::string>& layer_globs = {"*"});

/// The layers of `module`, itself included, each once, under its first name,
/// with its site, or the reason why it has none.
COPPICE_API ActivationLayers
activation_layers(const torch::jit::Module& module);

/// A copy of `module` without sites: their masks become constants and ordinary
/// ops of the graph, so that the saved file runs in plain C++ and Python.
/// Outputs are equal bit for bit; parameters and buffers are shared, observers
/// are dropped.
///
/// Errors: c10::ValueError as `with_activation_sites`.
COPPICE_API torch::jit::Module without_activation_sites(
    const torch::jit::Module& module);

} // namespace coppice
