#pragma once

#include <functional>

#include "coppice/export.h"
#include "coppice/sparsify/base_sparsifier.h"

namespace coppice {

/// Drops the blocks of every weight with the lowest mean norm.
///
/// A subclass may override `update_mask` and edit the base class's result. Its
/// `step` is slower, as only this class itself fuses reading and scoring of
/// weights.
///
/// Source: WeightNormSparsifier of torch.ao.pruning; `weight_norm_mask` in
/// masks/ is the mask alone.
class COPPICE_API WeightNormSparsifier : public BaseSparsifier {
 public:
  /// Scores every element of a weight, higher means more important.
  /// Shapes: [out, ...] -> the same.
  using NormFunction = std::function<torch::Tensor(const torch::Tensor&)>;

  /// Errors: c10::ValueError if an option is out of range: a level outside
  ///   [0, 1], a block that is not positive, zeros per block beyond the block.
  explicit WeightNormSparsifier(WeightNormOptions options = {});

  /// The same with the caller's norm, for groups without an option "norm".
  /// `state_dict` does not save it.
  WeightNormSparsifier(WeightNormOptions options, NormFunction norm);

 protected:
  torch::Tensor update_mask(Group& group) override;
  void check_options(const Group& group) const override;
  Values describe(const SparsifierOptions& options) const override;
  std::string name() const override;

 private:
  torch::Tensor new_mask(Group& group) final;

  NormFunction norm_;
};

} // namespace coppice
