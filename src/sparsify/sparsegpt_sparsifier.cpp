#include "coppice/sparsify/sparsegpt_sparsifier.h"

#include <torch/torch.h>

#include "coppice/solve/patches.h"
#include "solve/pattern_selection.h"

namespace coppice {
namespace {

Selection selection_of(const SparseGPTSparsifierOptions& options) {
  const auto pattern = options.pattern();
  const auto selection = solve::selection_of("SparseGPT", pattern);
  const auto columns = options.block_size();
  TORCH_CHECK_VALUE(
      !solve::is_nm(pattern) || columns % pattern.sparse_block_shape.cols == 0,
      "option `block_size`: expected a multiple of the ",
      pattern.sparse_block_shape.cols,
      " of the pattern, got ",
      columns);
  return selection;
}

void check(const SparseGPTSparsifierOptions& options) {
  options.check_ranges();
  options.with_defaults(); // Checks their types.
  selection_of(options);
}

} // namespace

SparseGPTSparsifier::SparseGPTSparsifier(SparseGPTSparsifierOptions options)
    : CalibratedSparsifier(options, SecondMoments::Kind::Full) {
  check_level(options.sparsity_level());
  check(options);
}

Solved SparseGPTSparsifier::solve(
    const Group& group,
    const std::vector<SecondMoments>& moments) {
  const SparseGPTSparsifierOptions options(group.options);
  const auto how = SparseGPTOptions()
                       .block_size(options.block_size())
                       .dampening(options.dampening())
                       .preserve_zeros(options.preserve_zeros());
  const auto selection = selection_of(options);
  const auto rows = rows_of(group, group.weight().detach()).to(torch::kCPU);
  return solve_groups(rows, moments, [&](const auto& part, const auto& own) {
    return solve_sparsegpt(part, own, selection, how);
  });
}

void SparseGPTSparsifier::check_options(const Group& group) const {
  check(SparseGPTSparsifierOptions(group.options));
}

Values SparseGPTSparsifier::describe(const SparsifierOptions& options) const {
  return SparseGPTSparsifierOptions(options).with_defaults();
}

std::string SparseGPTSparsifier::name() const {
  return "SparseGPTSparsifier";
}

} // namespace coppice
