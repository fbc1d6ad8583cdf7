#pragma once

#include <torch/nn/cloneable.h>
#include <torch/serialize/archive.h>
#include <torch/types.h>

#include <cstddef>
#include <ostream>
#include <vector>

#include "coppice/export.h"
#include "coppice/sparse/packed_weight.h"

namespace coppice::nn {

/// What layers with a packed weight share; `SparseLinear` and `SparseConv2d`
/// are to be used.
///
/// Only the bias is a parameter. `torch::save` and `torch::load` take the
/// packed weight along; a program that loads it needs Coppice. Clones share the
/// packed weight. It stays on the CPU in its own dtype, whatever `to` is asked.
///
/// A template because LibTorch's `Cloneable` must be its base: whether that
/// derives from `Module` virtually depends on LibTorch's release, so that a
/// second base cannot.
template <class Derived>
class COPPICE_API PackedLayer : public torch::nn::Cloneable<Derived> {
 public:
  const c10::intrusive_ptr<PackedWeight>& weight() const {
    return weight_;
  }

  void save(torch::serialize::OutputArchive& archive) const override;

  /// What is not the weight or the bias stays the layer's own.
  ///
  /// Errors: c10::ValueError if the archive holds no packed weight of this
  ///   layer's shape; then the layer is as it was.
  void load(torch::serialize::InputArchive& archive) override;

  torch::Tensor bias; ///< Undefined if there is none.

 protected:
  /// Throws unless `weight` has `dims` dimensions and `bias` is undefined or
  /// fits it. `name`, which must last, leads the sentences of errors.
  PackedLayer(
      const char* name,
      size_t dims,
      c10::intrusive_ptr<PackedWeight> weight,
      const torch::Tensor& bias);

  /// Makes a copy of the bias the layer's parameter.
  void register_bias();

  /// Prints "bias=true, format=bitmask_rows" and, if that is the dtype,
  /// ", dtype=bfloat16".
  void print_common(std::ostream& stream) const;

  /// A weight of that shape without a non-zero, for layers to be loaded into.
  static c10::intrusive_ptr<PackedWeight> zero_weight(
      const std::vector<int64_t>& shape);

 private:
  const char* name_;
  c10::intrusive_ptr<PackedWeight> weight_;
};

} // namespace coppice::nn
