#pragma once

#include <cstdint>
#include <optional>

#include "coppice/export.h"
#include "coppice/sparsify/sparsifier_options.h"

/// Options of sparsifiers that prune by what enters layers.
namespace coppice {

/// Options of `WandaSparsifier`. Example:
///
///     WandaSparsifierOptions().sparsity_level(0.6)
class COPPICE_API WandaSparsifierOptions : public SparsifierOptions {
 public:
  WandaSparsifierOptions() = default;
  explicit WandaSparsifierOptions(SparsifierOptions options)
      : SparsifierOptions(std::move(options)) {}

  /// Fraction of weights to drop, 0 to 1. Default: 0.5
  WandaSparsifierOptions& sparsity_level(double level);
  double sparsity_level() const;

  /// Drops the lower half, `m / 2`, of every `m` consecutive weights of a row,
  /// whatever the level. Default: none
  WandaSparsifierOptions& semi_structured_block_size(int64_t m);
  std::optional<int64_t> semi_structured_block_size() const;

  /// As in the paper, not in the reference: scores have the norm of an input
  /// and not its square, weights are compared within a row and not in the whole
  /// layer, and each step begins anew. Default: false
  WandaSparsifierOptions& as_published(bool enabled);
  bool as_published() const;

  /// All options, with the defaults filled in.
  Values with_defaults() const;
};

/// The options that `SparseGPTSparsifierOptions` and `ALPSSparsifierOptions`
/// share.
template <typename Options>
class COPPICE_API SolverOptions : public PatternOptions<Options> {
 public:
  static constexpr BlockShape kDefaultBlock{1, 1};

  using PatternOptions<Options>::PatternOptions;

  /// Share of the mean second moment of live inputs to add to each. Default:
  /// 0.01
  Options& dampening(double share);
  double dampening() const;

  /// Zeros of the weight stay zero, and count among those that fall. Default:
  /// false
  Options& preserve_zeros(bool enabled);
  bool preserve_zeros() const;

  /// All options, with the defaults filled in.
  Values with_defaults() const;
};

/// Options of `SparseGPTSparsifier`. Example, 2:4:
///
///     SparseGPTSparsifierOptions()
///         .sparsity_level(1)
///         .sparse_block_shape({1, 4})
///         .zeros_per_block(2)
class COPPICE_API SparseGPTSparsifierOptions
    : public SolverOptions<SparseGPTSparsifierOptions> {
 public:
  using SolverOptions::SolverOptions;

  /// Columns whose mask is chosen together. Default: 128
  SparseGPTSparsifierOptions& block_size(int64_t columns);
  int64_t block_size() const;

  /// All options, with the defaults filled in.
  Values with_defaults() const;
};

/// Options of `ALPSSparsifier`, as those of `SparseGPTSparsifier`.
class COPPICE_API ALPSSparsifierOptions
    : public SolverOptions<ALPSSparsifierOptions> {
 public:
  using SolverOptions::SolverOptions;
};

} // namespace coppice
