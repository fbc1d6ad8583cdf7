#pragma once

#include <string>

#include "coppice/archive/stored_tensor.h"
#include "oneshot/tensor_name.h"

namespace coppice::oneshot {

/// Why a tensor is not the weight of a product, from its name, its shape and
/// the tensors of its module: vectors of higher rank, norms, scales,
/// statistics, tokens, parts of quantized weights. A heuristic, used where
/// there is no graph. Empty if it may be a weight.
std::string why_no_weight(
    const StoredTensor& tensor,
    const TensorName& name,
    const Neighbours& beside);

} // namespace coppice::oneshot
