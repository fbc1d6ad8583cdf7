#pragma once

#include <torch/types.h>

#include <vector>

#include "coppice/io/state_dict.h"

namespace coppice {

/// The stored masks that a model multiplies a stored tensor by: `NAME_mask` for
/// `NAME_orig` (torch.nn.utils.prune), `parametrizations.NAME.I.mask` for
/// `parametrizations.NAME.original`. Empty for most tensors.
///
/// Shapes: that of `tensor`; 0 drops.
std::vector<const StoredTensor*> pruning_masks(
    const StoredTensor& tensor,
    const StateDict& state);

/// `tensor` times its masks, the weight that a layer computes with. Shares the
/// memory of `tensor` if there are no masks.
torch::Tensor effective_weight(
    const StoredTensor& tensor,
    const std::vector<const StoredTensor*>& masks);

} // namespace coppice
