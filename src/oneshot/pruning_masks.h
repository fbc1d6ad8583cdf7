#pragma once

#include <torch/types.h>

#include <vector>

#include "coppice/io/state_dict.h"

namespace coppice {

/// The masks of a stored tensor that the model multiplies it with when it runs:
/// `NAME_mask` of `NAME_orig`, as torch.nn.utils.prune saves them, and
/// `parametrizations.NAME.I.mask` of `parametrizations.NAME.original`. They
/// have its shape; 0 drops. Empty for most tensors.
std::vector<const StoredTensor*> pruning_masks(
    const StoredTensor& tensor,
    const StateDict& state);

/// `tensor` times its masks: what a layer computes with. Shares the memory of
/// `tensor` if there are no masks.
torch::Tensor effective_weight(
    const StoredTensor& tensor,
    const std::vector<const StoredTensor*>& masks);

} // namespace coppice
