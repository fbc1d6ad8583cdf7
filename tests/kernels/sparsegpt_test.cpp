#include "kernels/sparsegpt.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace coppice::sparsegpt_test {
namespace {

/// The reference for `scan_columns`, in float64.
struct Scan {
  size_t rows, columns;
  std::vector<double> weight, factor;
  std::vector<uint8_t> keep;
  std::vector<double> errors;

  Scan(size_t rows, size_t columns)
      : rows(rows),
        columns(columns),
        weight(rows * columns),
        factor(columns * columns),
        keep(rows * columns),
        errors(rows * columns) {
    std::mt19937 random(7);
    std::uniform_real_distribution<double> value(-1, 1);
    for (auto& w : weight) {
      w = static_cast<float>(value(random));
    }
    for (size_t i = 0; i < columns; ++i) {
      for (size_t j = i; j < columns; ++j) {
        factor[i * columns + j] = static_cast<float>(
            i == j ? 1 + value(random) / 2 : value(random) / 4);
      }
    }
    for (auto& k : keep) {
      k = value(random) > 0;
    }
  }

  void run(size_t n, size_t m) {
    for (size_t r = 0; r < rows; ++r) {
      double* w = weight.data() + r * columns;
      uint8_t* k = keep.data() + r * columns;
      for (size_t j = 0; j < columns; ++j) {
        if (m != 0 && j % m == 0) {
          choose(w, k, j, n, m);
        }
        const double* row = factor.data() + j * columns;
        const double error = k[j] ? 0 : w[j] / row[j];
        errors[r * columns + j] = error;
        for (size_t l = j; l < columns; ++l) {
          w[l] -= error * row[l];
        }
        w[j] = k[j] ? w[j] : 0;
      }
    }
  }

  void choose(const double* w, uint8_t* k, size_t j, size_t n, size_t m) const {
    std::vector<std::pair<double, size_t>> scores;
    for (size_t i = j; i < std::min(j + m, columns); ++i) {
      scores.emplace_back(
          k[i] ? std::pow(w[i] / factor[i * (columns + 1)], 2) : -1, i);
    }
    std::sort(scores.begin(), scores.end());
    for (size_t i = 0; i < std::min(scores.size(), m - n); ++i) {
      k[scores[i].second] = 0;
    }
  }
};

template <class T>
void expect_same(size_t rows, size_t columns, size_t n, size_t m, double gap) {
  Scan right(rows, columns);
  const size_t stride = columns + 3;
  std::vector<T> weight(rows * stride);
  std::vector<uint8_t> keep(rows * stride);
  std::vector<T> errors(rows * columns, T(9));
  for (size_t r = 0; r < rows; ++r) {
    std::copy_n(&right.weight[r * columns], columns, &weight[r * stride]);
    std::copy_n(&right.keep[r * columns], columns, &keep[r * stride]);
  }
  const std::vector<T> factor(right.factor.begin(), right.factor.end());
  kernels::ScannedColumns<T> how;
  how.columns = columns;
  how.stride = stride;
  how.factor = factor.data();
  how.errors_stride = columns;
  how.n = n;
  how.m = m;
  kernels::scan_columns(how, rows, weight.data(), keep.data(), errors.data());
  right.run(n, m);
  for (size_t r = 0; r < rows; ++r) {
    for (size_t c = 0; c < columns; ++c) {
      const size_t at = r * columns + c;
      ASSERT_EQ(keep[r * stride + c], right.keep[at]) << r << ' ' << c;
      ASSERT_NEAR(weight[r * stride + c], right.weight[at], gap);
      ASSERT_NEAR(errors[at], right.errors[at], gap);
    }
  }
}

TEST(ScanColumns, OfAGivenMask) {
  for (const size_t rows : {1, 31, 32, 70}) {
    expect_same<float>(rows, 24, 0, 0, 1e-3);
    expect_same<double>(rows, 24, 0, 0, 1e-9);
  }
}

TEST(ScanColumns, ChoosesTheMaskOfNm) {
  expect_same<double>(37, 24, 2, 4, 1e-9);
  expect_same<double>(37, 22, 4, 8, 1e-9); // A shorter last group.
}

} // namespace
} // namespace coppice::sparsegpt_test
