#pragma once

#include <vector>

#include "coppice/export.h"
#include "coppice/sparsify/base_data_sparsifier.h"

namespace coppice {

/// Drops the blocks of every tensor with the lowest mean norm. Example:
///
///     DataNormSparsifier sparsifier(
///         {{"users", users}, {"items", items}},
///         DataNormOptions().sparsity_level(0.9));
///     sparsifier.step();
///     sparsifier.squash_mask();
///
/// Source: DataNormSparsifier of torch.ao.pruning; `data_norm_mask` in masks/
/// is the mask alone.
class COPPICE_API DataNormSparsifier : public BaseDataSparsifier {
 public:
  /// Errors: c10::ValueError if an option is out of range: a level outside
  ///   [0, 1], a block that is not positive, zeros per block beyond the block.
  explicit DataNormSparsifier(DataNormOptions options = {});

  /// The same, and adds all of `data_list`.
  explicit DataNormSparsifier(
      const std::vector<NamedData>& data_list,
      DataNormOptions options = {});

 protected:
  torch::Tensor update_mask(DataGroup& group) override;
  void check_options(const DataGroup& group) const override;
  Values describe(const SparsifierOptions& options) const override;
  std::string name() const override;
};

} // namespace coppice
