#include "coppice/masks/selection.h"

#include <c10/util/Exception.h>

#include <utility>

#include "coppice/masks/block.h"
#include "coppice/masks/nm.h"
#include "coppice/masks/select.h"
#include "masks/row_pieces.h"

namespace coppice {
namespace {

int64_t fallen_of(int64_t count, double sparsity) {
  return static_cast<int64_t>(static_cast<double>(count) * sparsity);
}

torch::Tensor select_plain(
    const torch::Tensor& matrix,
    const Selection& selection) {
  const double sparsity = selection.sparsity();
  if (selection.among() == Selection::Among::Tensor) {
    return drop_lowest_mask(matrix, fallen_of(matrix.numel(), sparsity));
  }
  const int64_t cols = matrix.size(1);
  return zeros_in_blocks_mask(matrix, {1, cols}, fallen_of(cols, sparsity));
}

void check(const char* function, const Selection& selection) {
  TORCH_CHECK_VALUE(
      selection.sparsity() >= 0 && selection.sparsity() <= 1,
      function,
      ": expected a sparsity in [0, 1], got ",
      selection.sparsity());
  if (const auto* nm = std::get_if<Nm>(&selection.pattern())) {
    TORCH_CHECK_VALUE(
        0 < nm->n && nm->n <= nm->m,
        function,
        ": expected 0 < n <= m, got n=",
        nm->n,
        ", m=",
        nm->m);
  }
}

} // namespace

std::optional<masks::RowPieces> masks::row_pieces(
    const char* function,
    const Selection& selection,
    int64_t cols) {
  check(function, selection);
  if (const auto* nm = std::get_if<Nm>(&selection.pattern())) {
    return RowPieces{nm->m, nm->m - nm->n};
  }
  if (std::holds_alternative<Unstructured>(selection.pattern()) &&
      selection.among() == Selection::Among::Row) {
    return RowPieces{cols, fallen_of(cols, selection.sparsity())};
  }
  return std::nullopt;
}

Selection::Selection(Pattern pattern) : pattern_(std::move(pattern)) {}

Selection::Selection(Nm groups) : pattern_(groups) {}

Selection::Selection(BlockShape block) : pattern_(block) {}

double Selection::share() const {
  if (const auto* nm = std::get_if<Nm>(&pattern_)) {
    return 1 - static_cast<double>(nm->n) / static_cast<double>(nm->m);
  }
  return sparsity_;
}

torch::Tensor select_mask(
    const torch::Tensor& scores,
    const Selection& selection) {
  TORCH_CHECK_VALUE(
      scores.dim() >= 2 && scores.numel() > 0,
      "select_mask: expected scores of two or more dimensions, got ",
      scores.sizes());
  check("select_mask", selection);
  if (const auto* nm = std::get_if<Nm>(&selection.pattern())) {
    return nm_mask(scores, *nm);
  }
  const auto matrix = scores.reshape({scores.size(0), -1});
  if (const auto* block = std::get_if<BlockShape>(&selection.pattern())) {
    const auto kept = select_plain(block_scores(matrix, *block), selection);
    return expand_blocks(kept, *block, matrix.size(0), matrix.size(1))
        .reshape(scores.sizes());
  }
  return select_plain(matrix, selection).reshape(scores.sizes());
}

} // namespace coppice
