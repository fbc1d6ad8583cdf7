#pragma once

#include "coppice/export.h"
#include "coppice/sparsify/base_sparsifier.h"

namespace coppice {

/// Keeps a band around the diagonal of every weight, whatever its values.
///
/// Source: NearlyDiagonalSparsifier of torch.ao.pruning.
class COPPICE_API NearlyDiagonalSparsifier : public BaseSparsifier {
 public:
  explicit NearlyDiagonalSparsifier(NearlyDiagonalOptions options = {});

 protected:
  torch::Tensor update_mask(Group& group) override;
  Values describe(const SparsifierOptions& options) const override;
  std::string name() const override;
};

} // namespace coppice
