#pragma once

#include <optional>
#include <string>
#include <utility>

#include "coppice/core/pattern.h"
#include "coppice/core/values.h"
#include "coppice/export.h"
#include "coppice/masks/norm.h"
#include "coppice/masks/weight_norm.h"

namespace coppice {

/// The options of a tensor under a sparsifier, by name. An option that is not
/// set falls back to the sparsifier's own.
///
/// Subclasses such as `WeightNormOptions` add typed setters and getters and no
/// data, so they convert to `SparsifierOptions` without loss. A sparsifier of
/// your own needs none:
///
///     SparsifierOptions().set("rows", 3)
class COPPICE_API SparsifierOptions {
 public:
  SparsifierOptions& set(const std::string& name, c10::IValue value);

  /// True if an option of this name is set.
  bool has(const std::string& name) const;

  /// Errors: c10::ValueError if no option of this name is set.
  const c10::IValue& get(const std::string& name) const;

  /// These options, and those of `fallback` that are not set here.
  SparsifierOptions merged_over(const SparsifierOptions& fallback) const;

  void erase(const std::string& name);

  const Values& values() const {
    return values_;
  }

 private:
  Values values_;
};

/// Options that say where zeros may lie. Every getter throws c10::ValueError if
/// its option is of another type.
template <typename Options>
class COPPICE_API PatternOptions : public SparsifierOptions {
 public:
  PatternOptions() = default;
  explicit PatternOptions(SparsifierOptions options)
      : SparsifierOptions(std::move(options)) {}

  /// Fraction of blocks to drop. Default: 0.5
  Options& sparsity_level(double level);
  double sparsity_level() const;

  /// Rows and columns of the patch that is dropped together. Default:
  /// `Options::kDefaultBlock`
  Options& sparse_block_shape(BlockShape shape);
  BlockShape sparse_block_shape() const;

  /// Zeros inside a dropped block. Default: the whole block, also for a tensor
  /// with its own block shape.
  Options& zeros_per_block(int64_t zeros);
  int64_t zeros_per_block() const;

  /// All options, with the defaults of these three filled in.
  Values with_defaults() const;

  /// The pattern that these options mean.
  WeightNormPattern pattern() const {
    return {sparsity_level(), sparse_block_shape(), zeros_per_block()};
  }

  /// Errors: c10::ValueError unless rows and columns of the block are positive
  ///   and the zeros per block fit into it, or if an option has another type.
  ///   Does not check the level.
  void check_ranges() const;
};

/// The options that `WeightNormOptions` and `DataNormOptions` share.
template <typename Options>
class COPPICE_API BlockOptions : public PatternOptions<Options> {
 public:
  static constexpr BlockShape kDefaultBlock{1, 4};

  using PatternOptions<Options>::PatternOptions;

  /// What decides which blocks are low. Default: `Options::kDefaultNorm`
  Options& norm(Norm norm);
  Norm norm() const;

  /// As of `PatternOptions`; also looks at the norm.
  void check_ranges() const;
};

/// Options of `WeightNormSparsifier`. Example:
///
///     WeightNormOptions().sparsity_level(0.9).sparse_block_shape({1, 4})
class COPPICE_API WeightNormOptions : public BlockOptions<WeightNormOptions> {
 public:
  static constexpr Norm kDefaultNorm = Norm::L2;

  using BlockOptions::BlockOptions;

  /// Scores the original weight, dropped values included, so that a dropped
  /// value can return. If false, a dropped value scores zero and stays dropped
  /// until the level decreases, as in the reference. Default: false
  WeightNormOptions& regrowth(bool enabled);
  bool regrowth() const;
};

/// Options of `DataNormSparsifier`. Example:
///
///     DataNormOptions().sparsity_level(0.9).norm(Norm::L2)
class COPPICE_API DataNormOptions : public BlockOptions<DataNormOptions> {
 public:
  static constexpr Norm kDefaultNorm = Norm::L1;

  using BlockOptions::BlockOptions;
};

/// Options of `NearlyDiagonalSparsifier`.
class COPPICE_API NearlyDiagonalOptions : public SparsifierOptions {
 public:
  NearlyDiagonalOptions() = default;
  explicit NearlyDiagonalOptions(SparsifierOptions options)
      : SparsifierOptions(std::move(options)) {}

  /// Width of the band around the diagonal, an odd number; 0 or less drops
  /// everything. Default: 1
  NearlyDiagonalOptions& nearliness(int64_t nearliness);
  int64_t nearliness() const;
};

/// One entry of a sparsifier's configuration: a tensor and its options.
struct TensorConfig {
  /*implicit*/ TensorConfig(
      std::string tensor_fqn,
      SparsifierOptions options = {})
      : tensor_fqn(std::move(tensor_fqn)), options(std::move(options)) {}

  /// Catches a missing pair of braces: two names would make one entry.
  TensorConfig(const char*, const char*) = delete;

  std::string tensor_fqn; ///< "encoder.fc1.weight"
  SparsifierOptions options;
};

} // namespace coppice
