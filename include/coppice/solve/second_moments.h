#pragma once

#include <torch/types.h>

#include <cstdint>
#include <vector>

#include "coppice/export.h"

namespace coppice {

/// Sums of x x^T over all that enters a layer: the Hessian of the error of its
/// outputs. Never divided by the number of samples, which no solver needs.
///
/// Sums are float64, of products of float32 over up to 1024 rows at a time. How
/// samples are split into batches does not matter: the bits are the same.
class COPPICE_API SecondMoments {
 public:
  enum class Kind {
    Full,
    Diagonal, ///< Sums of squares alone, which is all that Wanda needs.
  };

  /// Errors: c10::ValueError unless `features` is positive.
  explicit SecondMoments(int64_t features, Kind kind = Kind::Full);

  /// Those of a matrix that was computed elsewhere, [features, features].
  ///
  /// Errors: c10::ValueError unless it is square and floating.
  static SecondMoments of_matrix(const torch::Tensor& matrix);

  /// Adds samples.
  ///
  /// Shapes: `x` is [..., features], any floating dtype.
  /// Errors: c10::ValueError if it is another.
  void add(const torch::Tensor& x);

  /// Adds what another one has seen.
  ///
  /// Errors: c10::ValueError if it has other features or is of another kind.
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

  /// Bytes in memory for that many features.
  static int64_t nbytes(int64_t features, Kind kind);

 private:
  void take_in(const torch::Tensor& rows);
  /// What waits in `waiting_` is taken in.
  void flush() const;
  void add_products(const torch::Tensor& rows) const;

  int64_t features_;
  Kind kind_;
  int64_t rows_ = 0;
  // Rows wait until there are enough of them for one product; whoever asks for
  // the sums has them taken in.
  mutable torch::Tensor waiting_;
  mutable int64_t waiting_rows_ = 0;
  /// Of the full matrix, the rows of its upper triangle, some at a time:
  /// [up to 256, features - first]. Of the diagonal one tensor [features].
  std::vector<torch::Tensor> panels_;
};

/// Sums of x y^T over pairs of rows, for `dense_output_target`: what entered a
/// layer after others were pruned, and what entered it before.
///
/// Returns: float64 [x's features, y's features].
/// Errors: c10::ValueError unless both have as many rows.
COPPICE_API torch::Tensor cross_moments(
    const torch::Tensor& x,
    const torch::Tensor& y);

} // namespace coppice
