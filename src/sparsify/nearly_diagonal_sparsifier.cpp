#include "coppice/sparsify/nearly_diagonal_sparsifier.h"

#include "coppice/masks/nearly_diagonal.h"

namespace coppice {

NearlyDiagonalSparsifier::NearlyDiagonalSparsifier(
    NearlyDiagonalOptions options)
    : BaseSparsifier(std::move(options)) {}

torch::Tensor NearlyDiagonalSparsifier::update_mask(Group& group) {
  const NearlyDiagonalOptions options(group.options);
  return nearly_diagonal_mask(group.weight().detach(), options.nearliness());
}

Values NearlyDiagonalSparsifier::describe(
    const SparsifierOptions& options) const {
  NearlyDiagonalOptions filled(options);
  filled.nearliness(filled.nearliness());
  return filled.values();
}

std::string NearlyDiagonalSparsifier::name() const {
  return "NearlyDiagonalSparsifier";
}

} // namespace coppice
