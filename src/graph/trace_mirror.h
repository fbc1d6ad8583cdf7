#pragma once

#include <torch/nn/module.h>
#include <torch/script.h>

namespace coppice::detail {

/// The tree of `model` as TorchScript modules without methods: children,
/// parameters and buffers (the same tensors) and `training` flags under the
/// same names in the same order. What is registered twice is one object there
/// too.
///
/// Errors: c10::ValueError for a name that TorchScript cannot hold.
torch::jit::Module mirror_of(const torch::nn::Module& model);

} // namespace coppice::detail
