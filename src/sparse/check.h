#pragma once

#include <torch/types.h>

namespace coppice::sparse {

/// Errors: c10::ValueError or c10::TypeError unless `weight` can be packed.
/// `function` is the prefix of messages.
void check_weight(const char* function, const torch::Tensor& weight);

/// The weight as a contiguous matrix [out, all others], detached.
torch::Tensor as_matrix(const torch::Tensor& weight);

} // namespace coppice::sparse
