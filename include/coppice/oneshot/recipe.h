#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "coppice/archive/stored_tensor.h"
#include "coppice/core/pattern.h"
#include "coppice/export.h"
#include "coppice/masks/norm.h"
#include "coppice/masks/weight_norm.h"
#include "coppice/schedule/allocation.h"

namespace coppice {

/// What a sparsity level is a fraction of.
enum class Scope {
  Tensor, ///< Each tensor's own blocks.
  Global, ///< The blocks of all tensors together, with one threshold.
};

/// How dropped weights are chosen, and whether kept ones change.
enum class PruneMethod {
  Magnitude, ///< The smallest are dropped; kept ones do not change.
  // With calibration samples; see solve/solvers.h.
  Wanda,
  SparseGPT,
  ALPS,
};

/// How a rule with samples allocates its level to layers. All of them together
/// have that level. See schedule/allocation.h.
enum class Allocation {
  Uniform,  ///< The same level for every layer.
  ERK,      ///< By layer sizes.
  Global,   ///< By one magnitude threshold over all layers.
  OWL,      ///< By the share of outliers among |W_ij| times input norms.
  Measured, ///< By the measured cost of pruning each layer alone.
};

/// One rule of a recipe: which tensors to prune, and how.
struct PruneModifier {
  WeightNormPattern pattern;
  PruneMethod method = PruneMethod::Magnitude;
  // Only of methods with samples:
  int64_t block_size = 128; ///< Columns per block of SparseGPT.
  double dampening = 0.01;  ///< Of SparseGPT and ALPS.
  bool preserve_zeros = false;
  Allocation allocation = Allocation::Uniform; ///< Not for N:M.
  OwlOptions owl;
  // Only of `Magnitude`:
  Norm norm = Norm::L2;
  Scope scope = Scope::Tensor;

  /// Which tensors. Three forms:
  /// - globs: "*.fc1", "encoder.*";
  /// - "re:" and a regular expression that must match from the beginning;
  /// - class names: `Linear` (two dimensions), `Conv1d` to `Conv3d` (three to
  ///   five). In a TorchScript archive the graph decides.
  /// Globs and expressions are matched with the FQNs of the tensor and of its
  /// module, and prune whatever they match. For class names, and if there are
  /// no targets, tensors of `why_left_by_default` are not pruned.
  std::vector<std::string> targets;
  /// Whether a glob or expression of `targets` also selects the layers within a
  /// module that it matches, "re:model.layers.[0-9]*$", as a class name does.
  bool targets_reach_within = false;
  /// Tensors to exclude, in the same forms.
  std::vector<std::string> ignore;
  /// Tensors stored as [in, out, ...], as those of GPT-2's `Conv1D` and of
  /// transposed convolutions, in the same forms. Blocks and N:M apply to the
  /// first two dimensions swapped. Not needed where the graph of a TorchScript
  /// archive shows the layout.
  std::vector<std::string> transposed;
};

/// A tensor may match one modifier at most.
using Recipe = std::vector<PruneModifier>;

/// The options of a pattern. N:M implies a sparsity, which `sparsity` may
/// repeat; the others need one.
///
/// Errors: c10::ValueError if the sparsity is missing, not in [0, 1], or not
///   that of N:M.
COPPICE_API WeightNormPattern
weight_norm_pattern(const Pattern& structure, std::optional<double> sparsity);

/// "uniform", "erk", "global" or "owl"; nullopt for all else.
COPPICE_API std::optional<Allocation> allocation_named(std::string_view name);

/// Reads a recipe: stages with modifiers, in the format of llm-compressor.
///
///     {"stage": {"modifiers": {"MagnitudePruningModifier": {
///         "sparsity": 0.5, "mask_structure": "2:4",
///         "targets": ["re:.*mlp.*"], "ignore": ["lm_head"]}}}}
///
/// `stage` may be left out or have `run_type` "oneshot"; `modifiers` may be a
/// list or have a longer name (`sparsity_modifiers`). Options: `sparsity`
/// (`sparsity_level`), `mask_structure` ("unstructured", "2:4", "1x4"),
/// `sparse_block_shape`, `zeros_per_block`, `norm` (1, 2), `scope` ("tensor",
/// "global"), `targets`, `ignore`, `transposed`. `WandaPruningModifier`,
/// `SparseGPTModifier` and `ALPSModifier` prune with samples: they have no
/// `norm`, `scope` and `zeros_per_block`, but `block_size`, `dampening_frac`,
/// `preserve_sparsity_mask`, `allocation` ("uniform", "erk", "global", "owl")
/// or in its place `sparsity_profile` ("owl"), `owl_m` and `owl_lmbda` (see
/// `OwlOptions`); their targets reach within modules. If `sparsity` is N / M, N
/// of N:M is the number of zeros, as in llm-compressor.
///
/// Errors: c10::ValueError, one sentence, if it is not such a recipe.
COPPICE_API Recipe recipe_from_json(std::string_view json);

/// Why a tensor is not pruned unless it is named, from its name and shape;
/// empty if it is pruned. Not pruned: what `why_not_prunable` rejects;
/// embeddings and position tables; output layers (`lm_head`, `classifier`,
/// `output`, ...); masks, norms, scales, statistics, tokens, fixed filters,
/// codebooks, vectors; optimizer state. `prune_checkpoint` also looks at the
/// other tensors of its module.
COPPICE_API std::string why_left_by_default(const StoredTensor& tensor);

/// Why a tensor cannot be pruned even if it is named; empty if it can.
COPPICE_API std::string why_not_prunable(const StoredTensor& tensor);

/// Whether an entry of `targets` or `ignore` matches the tensor.
///
/// Errors: c10::ValueError if "re:" is not followed by a regular expression.
COPPICE_API bool matches_target(
    const std::string& target,
    const StoredTensor& tensor);

} // namespace coppice
