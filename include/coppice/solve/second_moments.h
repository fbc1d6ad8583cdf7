#pragma once

#include <torch/types.h>

#include <cstdint>
#include <vector>

#include "coppice/export.h"

namespace coppice {

/// Sums of x x^T over a layer's inputs: the Hessian of the error of its
/// outputs. Not divided by the number of samples, which no solver needs.
///
/// Sums are float64, of products of float32 over up to 1024 rows at a time.
/// Results are the same bits however samples are split into batches.
class COPPICE_API SecondMoments {
 public:
  enum class Kind {
    Full,
    Diagonal, ///< Only sums of squares, as Wanda needs.
  };

  /// Errors: c10::ValueError unless `features` is positive.
  explicit SecondMoments(int64_t features, Kind kind = Kind::Full);

  /// From a matrix computed elsewhere, [features, features].
  ///
  /// Errors: c10::ValueError unless it is square and floating.
  static SecondMoments of_matrix(const torch::Tensor& matrix);

  /// Adds samples.
  ///
  /// Shapes: `x` is [..., features], any floating dtype.
  /// Errors: c10::ValueError if its shape or dtype is another.
  void add(const torch::Tensor& x);

  /// Adds the sums of another one.
  ///
  /// Errors: c10::ValueError if its features or kind differ.
  void merge(const SecondMoments& other);

  int64_t features() const {
    return features_;
  }
  Kind kind() const {
    return kind_;
  }
  /// Rows that were added.
  int64_t rows() const {
    return rows_;
  }

  /// float64 [features, features].
  ///
  /// Errors: c10::ValueError if only the diagonal is kept.
  torch::Tensor matrix() const;
  /// float64 [features].
  torch::Tensor diagonal() const;

  /// Copies of all sums and pending rows. `of_state` continues from them with
  /// the same bits.
  struct State {
    /// float64, without the pending rows: [features, features], of the diagonal
    /// alone [features].
    torch::Tensor sums;
    torch::Tensor pending; ///< [up to 1024, features]
    int64_t rows = 0;
  };
  State state() const;

  /// Errors: c10::ValueError if it is no such state.
  static SecondMoments of_state(const State& state);

  /// Bytes in memory for a number of features.
  static int64_t nbytes(int64_t features, Kind kind);

 private:
  void append(const torch::Tensor& rows);
  /// The sums without the pending rows.
  torch::Tensor summed() const;
  /// Adds the pending rows to the sums.
  void flush() const;
  void add_products(const torch::Tensor& rows) const;

  int64_t features_;
  Kind kind_;
  int64_t rows_ = 0;
  // Rows are collected until one product over them is efficient; reading the
  // sums flushes them.
  mutable torch::Tensor pending_;
  mutable int64_t pending_rows_ = 0;
  /// Of the full matrix, the rows of its upper triangle in panels: [up to 256,
  /// features - first]. Of the diagonal one tensor [features].
  std::vector<torch::Tensor> panels_;
};

/// Sums of x y^T over pairs of rows, for `dense_output_target`: a layer's
/// inputs after and before pruning other layers.
///
/// Returns: float64 [x's features, y's features].
/// Errors: c10::ValueError unless both have the same number of rows.
COPPICE_API torch::Tensor cross_moments(
    const torch::Tensor& x,
    const torch::Tensor& y);

} // namespace coppice
