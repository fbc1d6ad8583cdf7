#pragma once

#include <torch/types.h>

namespace coppice::sparse {

/// Throws unless `weight` is what can be packed; `function` leads the sentence.
void check_weight(const char* function, const torch::Tensor& weight);

/// The weight as contiguous [out, all others], without its gradient.
torch::Tensor as_matrix(const torch::Tensor& weight);

} // namespace coppice::sparse
