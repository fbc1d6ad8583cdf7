#pragma once

// Shared by the tests of sparse products; no LibTorch.

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "kernels/values.h"
#include "support/floats.h"

namespace coppice::testing {

constexpr kernels::Dtype kDtypes[] = {
    kernels::Dtype::Float32,
    kernels::Dtype::BFloat16};

/// A weight after storing it as `dtype`: bfloat16 rounds to nearest, ties to
/// even; NaN keeps its sign.
inline float as_stored(float value, kernels::Dtype dtype) {
  if (dtype == kernels::Dtype::Float32 || !std::isfinite(value)) {
    return value;
  }
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  const auto to_float = [](uint32_t b) {
    float f;
    std::memcpy(&f, &b, sizeof f);
    return f;
  };
  const uint32_t below = bits & 0xffff0000;
  const uint32_t above = below + 0x10000; // Infinity after the largest.
  // Infinity follows the largest number.
  const bool last = (above & 0x7fffffff) == 0x7f800000;
  const double top = std::copysign(std::ldexp(1.0, 128), value);
  const double up = last ? top : to_float(above);
  const double to_below = std::fabs(double(value) - to_float(below));
  const double to_above = std::fabs(up - double(value));
  const bool even_below = (below >> 16 & 1) == 0;
  return to_below < to_above || (to_below == to_above && even_below)
      ? to_float(below)
      : to_float(above);
}

inline std::vector<float> as_stored(
    std::vector<float> values,
    kernels::Dtype dtype) {
  for (float& value : values) {
    value = as_stored(value, dtype);
  }
  return values;
}

/// With +0 for -0, as from formats that do not store zeros.
inline std::vector<float> without_minus_zero(std::vector<float> values) {
  for (float& value : values) {
    value = value == 0 ? 0.0f : value;
  }
  return values;
}

/// A weight [rows, cols], an input [batch, cols] and a bias [rows].
struct Problem {
  size_t rows;
  size_t cols;
  size_t batch;
  std::vector<float> w;
  std::vector<float> x;
  std::vector<float> bias;

  Problem(size_t rows, size_t cols, size_t batch, unsigned seed = 0)
      : rows(rows),
        cols(cols),
        batch(batch),
        w(random_floats(rows * cols, Floats::kFinite, seed)),
        x(random_floats(batch * cols, Floats::kFinite, seed + 1)),
        bias(random_floats(rows, Floats::kFinite, seed + 2)) {}

  /// Drops blocks [block_rows, block_cols] of the weight with probability
  /// `sparsity`.
  Problem& drop(double sparsity, size_t block_rows = 1, size_t block_cols = 1) {
    std::mt19937 random(7);
    std::bernoulli_distribution drops(sparsity);
    for (size_t r = 0; r < rows; r += block_rows) {
      for (size_t c = 0; c < cols; c += block_cols) {
        if (drops(random)) {
          zero_block(r, c, block_rows, block_cols);
        }
      }
    }
    return *this;
  }

  void zero_block(size_t row, size_t col, size_t height, size_t width) {
    for (size_t r = row; r < std::min(row + height, rows); ++r) {
      for (size_t c = col; c < std::min(col + width, cols); ++c) {
        w[r * cols + c] = 0;
      }
    }
  }
};

/// The problem with the weight as `dtype` stores it.
inline Problem as_stored(Problem p, kernels::Dtype dtype) {
  p.w = as_stored(p.w, dtype);
  return p;
}

/// The expected product in double precision, skipping zero weights, and its
/// rounding error bound.
struct Expected {
  std::vector<double> y;
  std::vector<double> magnitude; ///< The sum of |w x| and |bias|.

  explicit Expected(const Problem& p) {
    for (size_t n = 0; n < p.batch; ++n) {
      for (size_t r = 0; r < p.rows; ++r) {
        double sum = p.bias[r];
        double total = std::fabs(p.bias[r]);
        for (size_t c = 0; c < p.cols; ++c) {
          const double w = p.w[r * p.cols + c];
          const double term = w == 0 ? 0 : w * p.x[n * p.cols + c];
          sum += term;
          total += std::fabs(term);
        }
        y.push_back(sum);
        magnitude.push_back(total);
      }
    }
  }
};

/// Within 1e-5 of the sum of the terms' magnitudes; the same NaN and infinity.
inline void expect_close(
    const std::vector<float>& y,
    const Expected& expected,
    const char* what = "") {
  ASSERT_EQ(y.size(), expected.y.size());
  for (size_t i = 0; i < y.size(); ++i) {
    const double wanted = expected.y[i];
    if (std::isfinite(wanted)) {
      ASSERT_NEAR(y[i], wanted, 1e-5 * expected.magnitude[i])
          << what << " at " << i;
    } else if (std::isnan(wanted)) {
      ASSERT_TRUE(std::isnan(y[i])) << what << " at " << i;
    } else {
      ASSERT_EQ(y[i], wanted) << what << " at " << i;
    }
  }
}

/// Edge cases: 0, 1, primes, around lanes and panels.
struct Shape {
  size_t rows;
  size_t cols;
};

inline const std::vector<Shape> kOddShapes = {
    {1, 1},
    {1, 100},
    {100, 1},
    {3, 0},
    {0, 3},
    {4, 16},
    {5, 7},
    {16, 64},
    {17, 67},
    {37, 129},
    {64, 256},
    {131, 257}};

} // namespace coppice::testing
