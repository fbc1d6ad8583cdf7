#pragma once

#include <torch/nn/modules/linear.h>
#include <torch/nn/pimpl.h>

#include <cstdint>
#include <memory>
#include <ostream>

#include "coppice/export.h"
#include "coppice/sparse/packed_layer.h"
#include "coppice/sparse/packed_weight.h"

namespace coppice::nn {

/// A linear layer with a packed weight, which replaces a `torch::nn::Linear`
/// with a constant weight.
class COPPICE_API SparseLinearImpl : public PackedLayer<SparseLinearImpl> {
 public:
  /// A layer to be loaded, with zero weights.
  ///
  /// Errors: c10::ValueError if a size is negative.
  SparseLinearImpl(int64_t in_features, int64_t out_features, bool bias = true);

  /// Takes a weight [out, in] and copies `bias`, [out], unless undefined.
  ///
  /// Errors: c10::TypeError, c10::ValueError if they do not match.
  explicit SparseLinearImpl(
      c10::intrusive_ptr<PackedWeight> weight,
      const torch::Tensor& bias = {});

  void reset() override;

  /// [..., in] to [..., out]: see `coppice::linear`.
  torch::Tensor forward(const torch::Tensor& x);

  /// "coppice::nn::SparseLinear(in_features=128, out_features=256, bias=true,
  /// format=bitmask_rows)"
  void pretty_print(std::ostream& stream) const override;
};

class COPPICE_API SparseLinear
    : public torch::nn::ModuleHolder<SparseLinearImpl> {
 public:
  using torch::nn::ModuleHolder<SparseLinearImpl>::ModuleHolder;
  using Impl = SparseLinearImpl;

  /// Packs the weight by `PackedWeight::pack`, with its errors, and copies the
  /// bias. The dense layer is unchanged.
  static SparseLinear from_dense(
      const torch::nn::LinearImpl& dense,
      const PackedWeightOptions& options);
  static SparseLinear from_dense(
      const torch::nn::Linear& dense,
      const PackedWeightOptions& options);

  /// A dense layer with the same weight and bias.
  torch::nn::Linear to_dense() const;
};

} // namespace coppice::nn
