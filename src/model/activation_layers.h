#pragma once

#include <torch/nn/module.h>

#include "coppice/core/activation_site.h"

namespace coppice {

/// The module and all submodules, in order of registration, parents first; a
/// module that is registered twice has two entries. `Hooked` layers have their
/// site, whose errors use the layer's first name here from now on; others have
/// the reason why they have none.
///
/// Layers are identified by the address of their `torch::nn::Module`.
ActivationLayers activation_layers(const torch::nn::Module& module);

} // namespace coppice
