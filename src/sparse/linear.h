#pragma once

#include <torch/types.h>

#include <vector>

#include "coppice/sparse/packed_weight.h"
#include "sparse/product.h"

namespace coppice::sparse {

using OptionalTensor = c10::optional<torch::Tensor>;

/// Throws unless `x` and `bias` are float32 and `bias` is [out]; `function`
/// leads the sentence.
void check_operands(
    const char* function,
    const torch::Tensor& x,
    const PackedWeight& w,
    const OptionalTensor& bias);

/// The shape of the result, or an error if the operands do not fit.
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

/// Whether there is a bias; then contiguous.
torch::Tensor contiguous_bias(const OptionalTensor& bias);

} // namespace coppice::sparse
