#pragma once

#include <string>

#include "coppice/archive/stored_tensor.h"
#include "oneshot/tensor_name.h"

namespace coppice::oneshot {

/// Why a tensor is not pruned although a layer may multiply by it, from its
/// name and the tensors of its module: embeddings, positions, output layers,
/// routers, fixed filters, codebooks, masks, biases, training state. Empty if
/// there is no reason.
std::string why_left_by_role(
    const StoredTensor& tensor,
    const TensorName& name,
    const Neighbours& beside);

} // namespace coppice::oneshot
