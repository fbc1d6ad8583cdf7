#include "coppice/sparsify/wanda_sparsifier.h"

#include <torch/torch.h>

#include <algorithm>

#include "coppice/masks/selection.h"
#include "coppice/solve/patches.h"
#include "solve/matrices.h"

namespace coppice {
namespace {

using torch::Tensor;

constexpr const char* kName = "WandaSparsifier";

Selection selection_of(const WandaSparsifierOptions& options) {
  if (const auto m = options.semi_structured_block_size()) {
    return Nm{*m - *m / 2, *m};
  }
  return Selection().sparsity(std::clamp(options.sparsity_level(), 0.0, 1.0));
}

/// The reference's scores: with the sums of squares themselves.
Tensor scores_of(
    const Tensor& rows,
    const std::vector<SecondMoments>& moments) {
  const auto dtype =
      rows.scalar_type() == torch::kDouble ? torch::kDouble : torch::kFloat;
  const auto weights = rows.flatten(1).to(dtype);
  solve::check_finite_weight(kName, weights.isfinite().all().item<bool>());
  std::vector<Tensor> squares;
  for (const auto& group : moments) {
    squares.push_back(solve::diagonal_of(kName, group).to(dtype));
  }
  const auto groups = static_cast<int64_t>(moments.size());
  const auto each = torch::stack(squares).unsqueeze(1);
  return weights.abs()
      .reshape({groups, -1, weights.size(1)})
      .mul_(each)
      .reshape(weights.sizes());
}

void check_ranges(const WandaSparsifierOptions& options) {
  options.semi_structured_block_size();
  options.as_published();
}

} // namespace

WandaSparsifier::WandaSparsifier(WandaSparsifierOptions options)
    : CalibratedSparsifier(options, SecondMoments::Kind::Diagonal) {
  check_level(options.sparsity_level());
  check_ranges(options);
  if (const auto m = options.semi_structured_block_size()) {
    TORCH_WARN(
        "WandaSparsifier: with a semi-structured block size of ",
        *m,
        " the sparsity is ",
        *m / 2,
        " of ",
        *m,
        ", whatever the sparsity level");
  }
}

Solved WandaSparsifier::solve(
    const Group& group,
    const std::vector<SecondMoments>& moments) {
  const WandaSparsifierOptions options(group.options);
  const auto rows = rows_of(group, group.original()).to(torch::kCPU);
  auto selection = selection_of(options);
  Solved solved;
  if (options.as_published()) {
    selection.among(Selection::Among::Row);
    solved.mask =
        solve_groups(rows, moments, [&](const Tensor& part, const auto& own) {
          return solve_wanda(part, own, selection);
        }).mask;
    return solved;
  }
  const auto mask = select_mask(scores_of(rows, moments), selection);
  solved.mask = mask.reshape(rows.sizes())
                    .logical_and_(rows_of(group, group.mask()).to(torch::kCPU));
  return solved;
}

void WandaSparsifier::check_options(const Group& group) const {
  check_ranges(WandaSparsifierOptions(group.options));
}

Values WandaSparsifier::describe(const SparsifierOptions& options) const {
  return WandaSparsifierOptions(options).with_defaults();
}

std::string WandaSparsifier::name() const {
  return kName;
}

} // namespace coppice
