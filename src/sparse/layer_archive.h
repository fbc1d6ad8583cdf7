#pragma once

#include <torch/serialize/archive.h>
#include <torch/types.h>

#include <vector>

#include "coppice/sparse/packed_weight.h"

namespace coppice::sparse {

/// A weight of that shape without a non-zero.
c10::intrusive_ptr<PackedWeight> zero_weight(const std::vector<int64_t>& shape);

/// Throws unless `weight` has `dims` dimensions and `bias` is undefined or
/// fits it; `layer` leads the sentence.
void check_layer(
    const char* layer,
    const c10::intrusive_ptr<PackedWeight>& weight,
    size_t dims,
    const torch::Tensor& bias);

/// What layers with a packed weight save besides their parameters.
void write_weight(
    torch::serialize::OutputArchive& archive,
    const c10::intrusive_ptr<PackedWeight>& weight);

/// Reads a weight of the shape of `present` and fills `bias`, unless it is
/// undefined. Throws before it changes anything.
c10::intrusive_ptr<PackedWeight> read_layer(
    const char* layer,
    torch::serialize::InputArchive& archive,
    const PackedWeight& present,
    torch::Tensor& bias);

} // namespace coppice::sparse
