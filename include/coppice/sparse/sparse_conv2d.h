#pragma once

#include <torch/nn/modules/conv.h>
#include <torch/nn/pimpl.h>

#include <array>
#include <cstdint>
#include <memory>
#include <ostream>
#include <string>

#include "coppice/export.h"
#include "coppice/sparse/packed_layer.h"
#include "coppice/sparse/packed_weight.h"

namespace coppice::nn {

/// The steps of a convolution, each a pair of height and width.
struct ConvStepping {
  std::array<int64_t, 2> stride = {1, 1};
  std::array<int64_t, 2> padding = {0, 0};
  std::array<int64_t, 2> dilation = {1, 1};
};

/// A convolution with a packed weight, which replaces a `torch::nn::Conv2d` of
/// one group with a constant weight.
class COPPICE_API SparseConv2dImpl : public PackedLayer<SparseConv2dImpl> {
 public:
  /// A layer to be loaded, with zero weights.
  ///
  /// Errors: c10::ValueError if a size is negative.
  SparseConv2dImpl(
      int64_t in_channels,
      int64_t out_channels,
      std::array<int64_t, 2> kernel_size,
      ConvStepping stepping = {},
      bool bias = true);

  /// Takes a weight [out, in, height, width] and copies `bias`, [out], unless
  /// undefined.
  ///
  /// Errors: c10::TypeError, c10::ValueError if they do not match.
  explicit SparseConv2dImpl(
      c10::intrusive_ptr<PackedWeight> weight,
      ConvStepping stepping = {},
      const torch::Tensor& bias = {});

  void reset() override;

  /// `x` is [batch, in, height, width] or [in, height, width]: see
  /// `coppice::conv2d`.
  torch::Tensor forward(const torch::Tensor& x);

  const ConvStepping& stepping() const {
    return stepping_;
  }

  /// "coppice::nn::SparseConv2d(16, 32, kernel_size=[3, 3], stride=[1, 1],
  /// padding=[1, 1], dilation=[1, 1], bias=true, format=pattern_panels)"
  void pretty_print(std::ostream& stream) const override;

 private:
  ConvStepping stepping_;
};

class COPPICE_API SparseConv2d
    : public torch::nn::ModuleHolder<SparseConv2dImpl> {
 public:
  using torch::nn::ModuleHolder<SparseConv2dImpl>::ModuleHolder;
  using Impl = SparseConv2dImpl;

  /// Packs the weight by `PackedWeight::pack`, with its errors, and copies the
  /// bias. The dense layer is unchanged.
  ///
  /// Errors: c10::ValueError also for groups, a padding mode other than zeros,
  ///   and `kSame` with different padding on the two sides.
  static SparseConv2d from_dense(
      const torch::nn::Conv2dImpl& dense,
      const PackedWeightOptions& options);
  static SparseConv2d from_dense(
      const torch::nn::Conv2d& dense,
      const PackedWeightOptions& options);

  /// Why `from_dense` does not support a layer, "it has 4 groups"; empty if it
  /// does.
  static std::string why_not(const torch::nn::Conv2dImpl& dense);
};

} // namespace coppice::nn
