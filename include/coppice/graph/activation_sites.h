#pragma once

#include <torch/script.h>

#include <string>
#include <vector>

#include "coppice/core/activation_site.h"
#include "coppice/export.h"

namespace coppice {

/// A copy of `module` in which activations pass through a site where they enter
/// a layer; it gives the same outputs, bit for bit, and shares its parameters
/// and buffers with `module`, which stays as it is and may have run before.
///
/// A layer whose forward is called has its site at the beginning of the forward
/// (every call passes it, from wherever it comes), on its first input; the
/// module itself on its first input that is a tensor. A layer whose calls were
/// inlined has its site before each op that takes its weight: linear, matmul,
/// convolution, normalization, LSTM and their like; not embedding. The site is
/// the layer's attribute `activation_site` and is saved with the module. The
/// file loads where libcoppice is loaded, also in Python (after
/// `torch.ops.load_library`). Sites that are already there stay, copied with
/// what is attached to them.
///
/// Layers are those whose FQN matches one of `layer_globs`; the FQN of the
/// module itself is empty, so that `*` matches it. Layers that can have no site
/// are passed over (`activation_layers` says why).
///
/// Errors: c10::ValueError if a glob matches no layer, or none that can have a
///   site, or `module` chooses between submodules in a way that cannot be
///   followed.
COPPICE_API torch::jit::Module with_activation_sites(
    const torch::jit::Module& module,
    const std::vector<std::string>& layer_globs = {"*"});

/// The layers of `module`, itself included, each once, under its first name,
/// with the site that `with_activation_sites` gave it, or why it has none.
COPPICE_API ActivationLayers
activation_layers(const torch::jit::Module& module);

/// A copy of `module` without sites: their masks have become constants of the
/// graph and ordinary ops, so that the saved file loads and runs in plain C++
/// and Python. Outputs are the same, bit for bit; parameters and buffers are
/// shared, observers are gone.
///
/// Errors: c10::ValueError as `with_activation_sites`.
COPPICE_API torch::jit::Module without_activation_sites(
    const torch::jit::Module& module);

} // namespace coppice
