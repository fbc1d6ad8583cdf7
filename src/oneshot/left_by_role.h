#pragma once

#include <string>

#include "coppice/archive/stored_tensor.h"
#include "oneshot/tensor_name.h"

namespace coppice::oneshot {

/// Why a tensor stays as it is whatever multiplies by it, as far as its name
/// and those beside it tell: embeddings, positions, output layers, routers,
/// fixed filters, codebooks, masks, biases, state of training. Empty if it does
/// not.
std::string why_left_by_role(
    const StoredTensor& tensor,
    const TensorName& name,
    const Neighbours& beside);

} // namespace coppice::oneshot
