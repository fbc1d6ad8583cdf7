#include "coppice/sparsify/weight_norm_sparsifier.h"

#include <algorithm>

#include "coppice/masks/weight_norm.h"

namespace coppice {
namespace {

void check_ranges(const WeightNormOptions& options) {
  options.check_ranges();
  options.regrowth(); // Checks its type.
}

} // namespace

WeightNormSparsifier::WeightNormSparsifier(WeightNormOptions options)
    : BaseSparsifier(options) {
  check_level(options.sparsity_level());
  check_ranges(options);
}

WeightNormSparsifier::WeightNormSparsifier(
    WeightNormOptions options,
    NormFunction norm)
    : WeightNormSparsifier(std::move(options)) {
  norm_ = std::move(norm);
}

void WeightNormSparsifier::check_options(const Group& group) const {
  WeightNormOptions options(group.options);
  check_ranges(options);
  const auto& weight = group.weight();
  TORCH_CHECK_VALUE(
      weight.dim() >= 2,
      "expected a weight of two or more dimensions, got shape ",
      weight.sizes());
  const auto block = options.sparse_block_shape();
  const auto rest = weight.numel() / weight.size(0);
  TORCH_CHECK_VALUE(
      block.rows <= weight.size(0) && block.cols <= rest,
      "option `sparse_block_shape`: the block ",
      block,
      " is larger than the weight of shape ",
      weight.sizes(),
      ", which is seen as ",
      weight.size(0),
      " x ",
      rest);
}

torch::Tensor WeightNormSparsifier::update_mask(Group& group) {
  const WeightNormOptions options(group.options);
  const WeightNormPattern pattern{
      options.sparsity_level(),
      options.sparse_block_shape(),
      options.zeros_per_block()};
  const bool own_norm = norm_ && !group.options.has("norm");
  if (!own_norm && !options.regrowth()) {
    const auto settle = group.masked->settle_in_pieces();
    auto mask = group.masked->take_spare_mask();
    weight_norm_mask_out(
        mask,
        group.weight().detach(),
        pattern,
        options.norm(),
        settle,
        group.masked->present_mask());
    return mask;
  }
  group.masked->settle();
  const auto weight =
      options.regrowth() ? group.masked->original() : group.weight().detach();
  if (!own_norm) {
    return weight_norm_mask(weight, pattern, options.norm());
  }
  const auto scores = norm_(weight);
  TORCH_CHECK_VALUE(
      scores.defined() && scores.sizes() == weight.sizes(),
      "the norm function: expected scores of shape ",
      weight.sizes(),
      ", got ",
      to_python_string(scores));
  return weight_norm_mask_of_scores(scores, pattern);
}

Values WeightNormSparsifier::describe(const SparsifierOptions& options) const {
  WeightNormOptions filled(options);
  filled.sparsity_level(filled.sparsity_level());
  filled.sparse_block_shape(filled.sparse_block_shape());
  filled.zeros_per_block(filled.zeros_per_block());
  return filled.values();
}

std::string WeightNormSparsifier::name() const {
  return "WeightNormSparsifier";
}

} // namespace coppice
