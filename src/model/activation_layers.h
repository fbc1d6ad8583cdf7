#pragma once

#include <torch/nn/module.h>

#include "coppice/core/activation_site.h"

namespace coppice {

/// The module and all modules below it, in the order in which they were
/// registered, parents first; one that is registered twice is there under both
/// names. Layers that are `Hooked` have their site, which from then on names
/// the layer in its errors as it is (first) named here; others have none and
/// say why.
///
/// A layer is told from others by the address of its `torch::nn::Module`.
ActivationLayers activation_layers(const torch::nn::Module& module);

} // namespace coppice
