#include "coppice/oneshot/prune_checkpoint.h"

#include <torch/utils.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>

#include "coppice/masks/block.h"
#include "coppice/masks/select.h"
#include "io/output_folder.h"
#include "oneshot/global_cut.h"
#include "oneshot/plan.h"
#include "oneshot/pruned_tensor.h"
#include "oneshot/reached.h"
#include "oneshot/script_evidence.h"
#include "oneshot/weight_values.h"

namespace coppice {
namespace {

using oneshot::GlobalCut;
using oneshot::Rows;
using oneshot::TensorPlan;

/// Prunes one checkpoint, tensor by tensor.
class Pruning {
 public:
  Pruning(
      const Checkpoint& input,
      const Recipe& recipe,
      const PruneOptions& options)
      : input_(input),
        options_(options),
        evidence_(oneshot::script_evidence(input)),
        plans_(oneshot::plan_pruning(input, recipe, evidence_)) {
    if (evidence_) {
      report_.from_graph = evidence_->from_graph;
      report_.not_from_graph_because = evidence_->not_from_graph_because;
    }
    for (size_t i = 0; i < plans_.size(); ++i) {
      report_.tensors.push_back(row_of(i));
      if (plans_[i].modifier) {
        total_ += tensor(i).nbytes() * (1 + passes_of(*plans_[i].modifier));
      }
    }
  }

  void find_cuts(const Recipe& recipe) {
    for (const auto& modifier : recipe) {
      if (modifier.scope == Scope::Global) {
        cuts_[&modifier] = cut_of(modifier);
      }
    }
  }

  void write(size_t file, OutputFile& output) {
    rewrite_file(input_, file, changes_of(file), output);
  }

  /// Does all the work of `write` but the writing.
  void rehearse() {
    for (size_t file = 0; file < input_.files.size(); ++file) {
      for (const auto& change : changes_of(file)) {
        change.write([](const void*, uint64_t) {});
      }
    }
  }

  PruneReport finish(const Recipe& recipe) {
    for (const auto& modifier : recipe) {
      oneshot::check_reached(modifier, input_.state, plans_, report_);
    }
    return std::move(report_);
  }

 private:
  const StoredTensor& tensor(size_t i) const {
    return input_.state.tensors[i];
  }

  PrunedTensor row_of(size_t i) const {
    PrunedTensor row;
    row.name = tensor(i).name;
    row.dtype = tensor(i).dtype;
    row.shape = tensor(i).shape;
    row.elements = tensor(i).numel();
    row.left_because = plans_[i].left_because;
    row.note = plans_[i].note;
    if (plans_[i].modifier) {
      row.pattern = plans_[i].modifier->pattern;
      row.scope = plans_[i].modifier->scope;
    }
    return row;
  }

  std::vector<size_t> tensors_of(const PruneModifier& modifier) const {
    std::vector<size_t> found;
    for (size_t i = 0; i < plans_.size(); ++i) {
      if (plans_[i].modifier == &modifier) {
        found.push_back(i);
      }
    }
    return found;
  }

  bool is_wide(const PruneModifier& modifier) const {
    const auto indices = tensors_of(modifier);
    return std::any_of(indices.begin(), indices.end(), [this](size_t i) {
      return tensor(i).dtype == Dtype::F64;
    });
  }

  int64_t passes_of(const PruneModifier& modifier) const {
    return modifier.scope == Scope::Global
        ? oneshot::global_passes(is_wide(modifier))
        : 0;
  }

  void advance(uint64_t bytes) {
    done_ += bytes;
    if (options_.progress) {
      options_.progress(done_, total_);
    }
  }

  GlobalCut cut_of(const PruneModifier& modifier) {
    const auto indices = tensors_of(modifier);
    const auto block = modifier.pattern.sparse_block_shape;
    int64_t blocks = 0;
    for (const size_t i : indices) {
      blocks += oneshot::blocks_of(tensor(i), plans_[i].layout, block);
    }
    const auto pass = [&](const auto& take) {
      for (const size_t i : indices) {
        const auto matrix = oneshot::scored_matrix(tensor(i), plans_[i]);
        oneshot::for_each_part(matrix, block.rows, [&](Rows rows) {
          const auto part = matrix.slice(0, rows.begin, rows.end);
          try {
            take(oneshot::scores_of(part, block, modifier.norm));
          } catch (c10::Error& error) {
            oneshot::rethrow_of(tensor(i), error);
          }
          advance(part.nbytes());
        });
      }
    };
    return oneshot::find_global_cut(
        blocks_to_drop(modifier.pattern.sparsity_level, blocks),
        is_wide(modifier),
        pass);
  }

  std::vector<Change> changes_of(size_t file) {
    std::vector<size_t> indices;
    for (size_t i = 0; i < plans_.size(); ++i) {
      if (plans_[i].modifier && plans_[i].place.file == file) {
        indices.push_back(i);
      }
    }
    std::sort(indices.begin(), indices.end(), [this](size_t a, size_t b) {
      return plans_[a].place.range.begin < plans_[b].place.range.begin;
    });
    std::vector<Change> changes;
    for (const size_t i : indices) {
      changes.push_back(
          {plans_[i].place.range,
           [this, i](const ByteSink& sink) { write_tensor(i, sink); }});
    }
    return changes;
  }

  void write_tensor(size_t i, const ByteSink& sink) {
    const auto& modifier = *plans_[i].modifier;
    const auto zeros = oneshot::write_pruned(
        tensor(i),
        plans_[i],
        modifier.pattern.sparse_block_shape.rows,
        mask_of(i),
        [&](const void* data, uint64_t size) {
          sink(data, size);
          advance(size);
        });
    report_.tensors[i].zeros_before = zeros.before;
    report_.tensors[i].zeros_after = zeros.after;
  }

  oneshot::PartMask mask_of(size_t i) {
    const auto& modifier = *plans_[i].modifier;
    const auto& layout = plans_[i].layout;
    const auto matrix = oneshot::scored_matrix(tensor(i), plans_[i]);
    if (modifier.scope == Scope::Global && layout.is_plain()) {
      return [this, matrix, &modifier](Rows rows) {
        return globally_kept(matrix.slice(0, rows.begin, rows.end), modifier);
      };
    }
    const auto mask = oneshot::in_stored_order(
        whole_mask(i, matrix), tensor(i).shape, layout);
    return [mask](Rows rows) { return mask.slice(0, rows.begin, rows.end); };
  }

  torch::Tensor whole_mask(size_t i, const torch::Tensor& matrix) {
    const auto& modifier = *plans_[i].modifier;
    if (modifier.scope == Scope::Tensor) {
      try {
        return weight_norm_mask(matrix, modifier.pattern, modifier.norm);
      } catch (c10::Error& error) {
        oneshot::rethrow_of(tensor(i), error);
      }
    }
    // In the parts in which its scores were counted.
    std::vector<torch::Tensor> parts;
    const auto rows = modifier.pattern.sparse_block_shape.rows;
    oneshot::for_each_part(matrix, rows, [&](Rows part) {
      parts.push_back(
          globally_kept(matrix.slice(0, part.begin, part.end), modifier));
    });
    return torch::cat(parts);
  }

  torch::Tensor globally_kept(
      const torch::Tensor& part,
      const PruneModifier& modifier) {
    const auto& pattern = modifier.pattern;
    const auto block = pattern.sparse_block_shape;
    auto keep = oneshot::kept_by(
        cuts_[&modifier], oneshot::scores_of(part, block, modifier.norm));
    if (block.size() == 1) {
      return keep;
    }
    keep = expand_blocks(keep, block, part.size(0), part.size(1));
    if (pattern.zeros_per_block < block.size()) {
      keep.logical_or_(zeros_in_blocks_mask(
          elementwise_norm(part.to(torch::kFloat), modifier.norm),
          block,
          pattern.zeros_per_block));
    }
    return keep;
  }

  const Checkpoint& input_;
  const PruneOptions& options_;
  std::optional<oneshot::ScriptEvidence> evidence_;
  std::vector<TensorPlan> plans_;
  std::map<const PruneModifier*, GlobalCut> cuts_;
  PruneReport report_;
  uint64_t done_ = 0;
  uint64_t total_ = 0;
};

void write_shards(
    Pruning& pruning,
    const Checkpoint& input,
    const std::string& path) {
  std::vector<std::string> names;
  for (const auto& file : input.files) {
    names.push_back(std::filesystem::path(file->path()).filename());
  }
  OutputFolder folder(path, names);
  for (size_t file = 0; file < names.size(); ++file) {
    OutputFile output(folder, names[file], input.files[file]->size());
    pruning.write(file, output);
    output.commit();
  }
  folder.commit();
}

} // namespace

PruneReport prune_checkpoint(
    const Checkpoint& input,
    const Recipe& recipe,
    const std::string& output,
    const PruneOptions& options) {
  const torch::NoGradGuard no_grad;
  if (!options.dry_run) {
    require_other_file(output, input);
  }
  Pruning pruning(input, recipe, options);
  pruning.find_cuts(recipe);
  if (options.dry_run) {
    pruning.rehearse();
  } else if (is_sharded(input.format)) {
    write_shards(pruning, input, output);
  } else {
    OutputFile file(output, input.files.front()->size());
    pruning.write(0, file);
    file.commit();
  }
  return pruning.finish(recipe);
}

} // namespace coppice
