#include "coppice/sparsify/weight_norm_sparsifier.h"

#include <typeinfo>

#include "coppice/masks/weight_norm.h"
#include "sparsify/masked_parameter.h"

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
  const auto weight =
      options.regrowth() ? group.original() : group.weight().detach();
  if (!norm_ || options.has("norm")) {
    return weight_norm_mask(weight, options.pattern(), options.norm());
  }
  const auto scores = norm_(weight);
  TORCH_CHECK_VALUE(
      scores.defined() && scores.sizes() == weight.sizes(),
      "the norm function: expected scores of shape ",
      weight.sizes(),
      ", got ",
      to_python_string(scores));
  return weight_norm_mask_of_scores(scores, options.pattern());
}

torch::Tensor WeightNormSparsifier::new_mask(Group& group) {
  const WeightNormOptions options(group.options);
  // A subclass may override `update_mask`, which the fused path skips.
  const bool is_subclass = typeid(*this) != typeid(WeightNormSparsifier);
  const bool own_norm = norm_ && !options.has("norm");
  if (is_subclass || own_norm || options.regrowth()) {
    return BaseSparsifier::new_mask(group);
  }
  return group.masked_->renewed_mask(options.pattern(), options.norm());
}

Values WeightNormSparsifier::describe(const SparsifierOptions& options) const {
  return WeightNormOptions(options).with_defaults();
}

std::string WeightNormSparsifier::name() const {
  return "WeightNormSparsifier";
}

} // namespace coppice
