#include "oneshot/selection.h"

#include <torch/utils.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "coppice/masks/block.h"
#include "coppice/masks/select.h"
#include "coppice/masks/weight_norm.h"
#include "masks/criterion.h"
#include "oneshot/reached.h"
#include "oneshot/scores.h"
#include "oneshot/weight_layout.h"
#include "oneshot/weight_values.h"

namespace coppice::oneshot {
namespace {

bool is_wide(const CheckpointPlan& plan, const PruneModifier& modifier) {
  const auto indices = plan.tensors_of(modifier);
  return std::any_of(indices.begin(), indices.end(), [&](size_t i) {
    return plan.tensor(i).dtype == Dtype::F64;
  });
}

int64_t blocks_of(const CheckpointPlan& plan, const PruneModifier& modifier) {
  int64_t blocks = 0;
  for (const size_t i : plan.tensors_of(modifier)) {
    blocks += blocks_of(
        plan.tensor(i),
        plan.tensors[i].layout,
        modifier.pattern.sparse_block_shape);
  }
  return blocks;
}

} // namespace

CheckpointSelection::CheckpointSelection(
    const CheckpointPlan& plan,
    Advance advance)
    : plan_(plan), advance_(std::move(advance)) {
  for (const auto& modifier : *plan.recipe) {
    if (modifier.scope == Scope::Global) {
      cuts_.emplace(&modifier, find_cut(modifier));
    }
  }
}

masks::StreamedCut CheckpointSelection::find_cut(
    const PruneModifier& modifier) const {
  const auto indices = plan_.tensors_of(modifier);
  const auto pass = [&](const auto& take) {
    for (const size_t i : indices) {
      const auto matrix = scored_matrix(plan_.tensor(i), plan_.tensors[i]);
      const auto rows = modifier.pattern.sparse_block_shape.rows;
      for_each_part(matrix, rows, [&](Rows part) {
        const auto values = matrix.slice(0, part.begin, part.end);
        try {
          take(scores_of(values, modifier));
        } catch (c10::Error& error) {
          rethrow_of(plan_.tensor(i), error);
        }
        advance_(values.nbytes());
      });
    }
  };
  return masks::find_streamed_cut(
      blocks_to_drop(
          modifier.pattern.sparsity_level, blocks_of(plan_, modifier)),
      {masks::criterion_of(modifier.norm).order, is_wide(plan_, modifier)},
      pass);
}

PartMask CheckpointSelection::mask_of(size_t i) {
  const auto& modifier = *plan_.tensors[i].modifier;
  const auto& layout = plan_.tensors[i].layout;
  const auto matrix = scored_matrix(plan_.tensor(i), plan_.tensors[i]);
  if (modifier.scope == Scope::Global && layout.is_plain()) {
    return [this, matrix, &modifier](Rows rows) {
      return global_mask(matrix.slice(0, rows.begin, rows.end), modifier);
    };
  }
  const auto mask =
      in_stored_order(whole_mask(i, matrix), plan_.tensor(i).shape, layout);
  return [mask](Rows rows) { return mask.slice(0, rows.begin, rows.end); };
}

torch::Tensor CheckpointSelection::whole_mask(
    size_t i,
    const torch::Tensor& matrix) {
  const auto& modifier = *plan_.tensors[i].modifier;
  if (modifier.scope == Scope::Tensor) {
    try {
      return weight_norm_mask(matrix, modifier.pattern, modifier.norm);
    } catch (c10::Error& error) {
      rethrow_of(plan_.tensor(i), error);
    }
  }
  // The same parts as when scores were counted.
  std::vector<torch::Tensor> parts;
  const auto rows = modifier.pattern.sparse_block_shape.rows;
  for_each_part(matrix, rows, [&](Rows part) {
    parts.push_back(
        global_mask(matrix.slice(0, part.begin, part.end), modifier));
  });
  return torch::cat(parts);
}

torch::Tensor CheckpointSelection::global_mask(
    const torch::Tensor& rows,
    const PruneModifier& modifier) {
  const auto& pattern = modifier.pattern;
  const auto block = pattern.sparse_block_shape;
  auto keep = cuts_.at(&modifier).next_mask(scores_of(rows, modifier));
  if (block.size() == 1) {
    return keep;
  }
  keep = expand_blocks(keep, block, rows.size(0), rows.size(1));
  if (pattern.zeros_per_block < block.size()) {
    const auto& criterion = masks::criterion_of(modifier.norm);
    keep.logical_or_(zeros_in_blocks_mask(
        criterion.scores(rows.to(torch::kFloat)),
        block,
        pattern.zeros_per_block));
  }
  return keep;
}

uint64_t bytes_to_read(const CheckpointPlan& plan) {
  uint64_t bytes = 0;
  for (const auto& modifier : *plan.recipe) {
    const int64_t passes = modifier.scope == Scope::Global
        ? masks::streamed_passes(is_wide(plan, modifier))
        : 0;
    for (const size_t i : plan.tensors_of(modifier)) {
      bytes += plan.tensor(i).nbytes() * (1 + passes);
    }
  }
  return bytes;
}

} // namespace coppice::oneshot
