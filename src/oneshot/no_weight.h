#pragma once

#include <string>

#include "coppice/archive/stored_tensor.h"
#include "oneshot/tensor_name.h"

namespace coppice::oneshot {

/// Why a tensor is no weight of a product, as far as name, shape and neighbours
/// tell: vectors in disguise, norms, scales, statistics, tokens, what belongs
/// to a quantized weight. A guess, which a graph corrects. Empty if it may be
/// one.
std::string why_no_weight(
    const StoredTensor& tensor,
    const TensorName& name,
    const Neighbours& beside);

} // namespace coppice::oneshot
