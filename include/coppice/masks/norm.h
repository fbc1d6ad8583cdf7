#pragma once

#include <torch/types.h>

#include "coppice/export.h"

namespace coppice {

/// The importance of an element of a weight.
enum class Norm {
  L1, ///< |w|
  L2, ///< w^2 (no root, as in the reference)
};

/// `norm` of every element, in the dtype of `weight`.
///
/// Shapes: any; the result has the shape of `weight`.
COPPICE_API torch::Tensor elementwise_norm(
    const torch::Tensor& weight,
    Norm norm);

} // namespace coppice
