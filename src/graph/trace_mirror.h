#pragma once

#include <torch/nn/module.h>
#include <torch/script.h>

#include "core/site_scopes.h"

namespace coppice::detail {

/// The mirror of a model, and the TorchScript objects of its activation sites.
struct Mirror {
  torch::jit::Module root;
  SiteObjects sites;
};

/// The tree of `model` as TorchScript modules without methods: children,
/// parameters and buffers (the same tensors) and `training` flags under the
/// same names, in the same order. What is registered twice is one object.
/// `with_sites`: layers with a site have it as attribute `activation_site`.
///
/// Errors: c10::ValueError for a name that TorchScript cannot hold.
Mirror mirror_of(const torch::nn::Module& model, bool with_sites);

} // namespace coppice::detail
