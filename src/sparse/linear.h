#pragma once

#include <torch/types.h>

#include <vector>

#include "coppice/sparse/packed_weight.h"
#include "sparse/product.h"

namespace coppice::sparse {

using OptionalTensor = c10::optional<torch::Tensor>;

/// Errors: c10::TypeError or c10::ValueError unless `x` and `bias` are float32
/// and `bias` is [out]. `function` is the prefix of messages.
void check_operands(
    const char* function,
    const torch::Tensor& x,
    const PackedWeight& w,
    const OptionalTensor& bias);

/// The shape of the result.
///
/// Errors: c10::ValueError or c10::TypeError if the operands do not match.
std::vector<int64_t> linear_shape(
    const char* function,
    const torch::Tensor& x,
    const PackedWeight& w,
    const OptionalTensor& bias);

/// The product on the CPU. `relu`: negative results become 0.
torch::Tensor linear_cpu(
    const char* function,
    const torch::Tensor& x,
    const PackedWeight& w,
    const OptionalTensor& bias,
    bool relu);

/// The product over `call.x` [batch, cols], on all threads.
void multiply(const Product& product, const ProductCall& call);

/// The bias as a contiguous tensor; undefined if there is none.
torch::Tensor contiguous_bias(const OptionalTensor& bias);

} // namespace coppice::sparse
