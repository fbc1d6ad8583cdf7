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

/// The base of `SparseLinear` and `SparseConv2d`; use those.
///
/// Only the bias is a parameter. `torch::save` and `torch::load` include the
/// packed weight; loading needs Coppice. Clones share the packed weight. It
/// stays on the CPU in its own dtype; `to` does not change it.
///
/// A template because LibTorch's `Cloneable` must be the base: whether that
/// derives virtually from `Module` depends on the release of LibTorch, so there
/// cannot be a second base.
template <class Derived>
class COPPICE_API PackedLayer : public torch::nn::Cloneable<Derived> {
 public:
  const c10::intrusive_ptr<PackedWeight>& weight() const {
    return weight_;
  }

  void save(torch::serialize::OutputArchive& archive) const override;

  /// Loads weight and bias; the rest of the layer is unchanged.
  ///
  /// Errors: c10::ValueError if the archive has no packed weight of this
  ///   layer's shape; then the layer is unchanged.
  void load(torch::serialize::InputArchive& archive) override;

  torch::Tensor bias; ///< Undefined if there is none.

 protected:
  /// `name`, a string that must outlive the layer, is the prefix of messages.
  ///
  /// Errors: c10::ValueError unless `weight` has `dims` dimensions and `bias`
  ///   is undefined or matches it.
  PackedLayer(
      const char* name,
      size_t dims,
      c10::intrusive_ptr<PackedWeight> weight,
      const torch::Tensor& bias);

  /// Registers a copy of the bias as parameter.
  void register_bias();

  /// Prints "bias=true, format=bitmask_rows" and, if that is the dtype,
  /// ", dtype=bfloat16".
  void print_common(std::ostream& stream) const;

  /// A zero weight of that shape, for layers to be loaded.
  static c10::intrusive_ptr<PackedWeight> zero_weight(
      const std::vector<int64_t>& shape);

 private:
  const char* name_;
  c10::intrusive_ptr<PackedWeight> weight_;
};

} // namespace coppice::nn
