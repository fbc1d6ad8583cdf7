#include "kernels/compressed_rows.h"

#include <gtest/gtest.h>

#include <random>

#include "kernels/bitmask_rows.h"
#include "support/products.h"
#include "support/targets.h"

// Both formats for a single input and any pattern.
namespace coppice::kernels::compressed_rows_test {
namespace {

using testing::as_stored;
using testing::Expected;
using testing::kDtypes;
using testing::kOddShapes;
using testing::Problem;

struct Compressed {
  using Packed = CompressedRows;
  static constexpr auto pack = pack_compressed_rows;
  static constexpr auto multiply = compressed_rows_product;
};
struct Bitmask {
  using Packed = BitmaskRows;
  static constexpr auto pack = pack_bitmask_rows;
  static constexpr auto multiply = bitmask_rows_product;
};

class SingleInput : public testing::OnEveryTarget {};

template <class Format>
std::vector<float>
product(const Problem& p, Dtype dtype = Dtype::Float32, size_t parts = 1) {
  const auto packed = Format::pack(p.w.data(), p.rows, p.cols, {dtype});
  std::vector<float> x(p.cols + 1);
  std::copy(p.x.begin(), p.x.end(), x.begin() + 1);
  std::vector<float> y(p.rows, NAN);
  for (size_t part = 0; part < parts; ++part) {
    Format::multiply(
        packed,
        x.data() + 1,
        p.bias.data(),
        balanced_range(packed.begins.data(), p.rows, part, parts),
        y.data());
  }
  return y;
}

template <class Format>
void multiplies() {
  for (const auto& shape : kOddShapes) {
    for (const double sparsity : {0.0, 0.5, 0.9, 1.0}) {
      for (const auto dtype : kDtypes) {
        const auto p = Problem(shape.rows, shape.cols, 1).drop(sparsity);
        ASSERT_NO_FATAL_FAILURE(expect_close(
            product<Format>(p, dtype), Expected(as_stored(p, dtype))))
            << shape.rows << 'x' << shape.cols << ' ' << sparsity;
      }
    }
  }
}

template <class Format>
void gives_the_same_bits_for_any_split() {
  const auto p = Problem(131, 257, 1).drop(0.7);
  for (const auto dtype : kDtypes) {
    const auto whole = product<Format>(p, dtype);
    for (const size_t parts : {2, 3, 7, 200}) {
      EXPECT_TRUE(testing::same_bits(product<Format>(p, dtype, parts), whole))
          << parts;
    }
  }
}

template <class Format>
void unpacks() {
  for (const auto& shape : kOddShapes) {
    const auto w = testing::random_floats(
        shape.rows * shape.cols, testing::Floats::kSpecial, 3);
    for (const auto dtype : kDtypes) {
      std::vector<float> unpacked(w.size(), NAN);
      unpack(
          Format::pack(w.data(), shape.rows, shape.cols, {dtype}),
          unpacked.data());
      EXPECT_TRUE(testing::same_bits(
          unpacked, testing::without_minus_zero(as_stored(w, dtype))));
    }
  }
}

TEST_P(SingleInput, CompressedRowsMultiply) {
  multiplies<Compressed>();
}
TEST_P(SingleInput, BitmaskRowsMultiply) {
  multiplies<Bitmask>();
}
TEST_P(SingleInput, CompressedRowsGiveTheSameBitsForAnySplit) {
  gives_the_same_bits_for_any_split<Compressed>();
}
TEST_P(SingleInput, BitmaskRowsGiveTheSameBitsForAnySplit) {
  gives_the_same_bits_for_any_split<Bitmask>();
}
TEST_P(SingleInput, CompressedRowsUnpackBitForBitButForMinusZero) {
  unpacks<Compressed>();
}
TEST_P(SingleInput, BitmaskRowsUnpackBitForBitButForMinusZero) {
  unpacks<Bitmask>();
}

/// Around the maximum number of deinterleaved inputs.
TEST_P(SingleInput, BitmaskRowsMultiplyRowsOfAnyWidth) {
  for (const size_t cols : {16320, 16383, 16384, 16385, 16448}) {
    const auto p = Problem(3, cols, 1).drop(0.7);
    for (const auto dtype : kDtypes) {
      ASSERT_NO_FATAL_FAILURE(expect_close(
          product<Bitmask>(p, dtype), Expected(as_stored(p, dtype))))
          << cols;
    }
  }
}

/// Keeps two of every four columns of a row, in varying positions.
Problem two_of_four(size_t rows, size_t cols) {
  Problem p(rows, cols, 1);
  std::mt19937 random(11);
  for (size_t r = 0; r < rows; ++r) {
    for (size_t c = 0; c < cols; c += 4) {
      const size_t first = random() % 4;
      p.zero_block(r, std::min(c + first, cols), 1, 1);
      const size_t second = (first + 1 + random() % 3) % 4;
      p.zero_block(r, std::min(c + second, cols), 1, 1);
    }
  }
  return p;
}

template <class Format>
void multiplies_two_of_four() {
  for (const size_t cols : {3, 64, 66, 128, 257, 320}) {
    for (const auto dtype : kDtypes) {
      auto p = two_of_four(37, cols);
      for (const bool is_broken : {false, true}) {
        // With one weight less it is not 2:4 everywhere.
        for (size_t c = 8; is_broken && c < std::min<size_t>(cols, 12); ++c) {
          p.zero_block(36, c, 1, 1);
        }
        ASSERT_NO_FATAL_FAILURE(expect_close(
            product<Format>(p, dtype), Expected(as_stored(p, dtype))))
            << cols << ' ' << is_broken;
        EXPECT_TRUE(testing::same_bits(
            product<Format>(p, dtype, 5), product<Format>(p, dtype)));
      }
    }
  }
}

TEST_P(SingleInput, CompressedRowsMultiplyTwoOfFour) {
  multiplies_two_of_four<Compressed>();
}
TEST_P(SingleInput, BitmaskRowsMultiplyTwoOfFour) {
  multiplies_two_of_four<Bitmask>();
}

TEST_P(SingleInput, BitmaskRowsKnowWhereTwoOfFourAreKept) {
  const auto keeps = [](const Problem& p) {
    return pack_bitmask_rows(p.w.data(), p.rows, p.cols).keeps_two_of_four;
  };
  auto p = two_of_four(5, 135);
  EXPECT_TRUE(keeps(p));
  p.w[3 * p.cols + 134] = 1; // In a whole word.
  p.w[3 * p.cols + 133] = 1;
  p.w[3 * p.cols + 132] = 1;
  EXPECT_TRUE(keeps(p));
  p.w[127] = p.w[127] != 0 ? 0 : 1;
  EXPECT_FALSE(keeps(p));
}

TEST_P(SingleInput, NanAndInfinityReachJustTheRowsThatWeighThem) {
  auto p = Problem(37, 129, 1).drop(0.8);
  p.x[5] = INFINITY;
  p.w[7 * p.cols + 9] = -INFINITY;
  for (const auto dtype : kDtypes) {
    expect_close(product<Compressed>(p, dtype), Expected(as_stored(p, dtype)));
  }
}

TEST_P(SingleInput, BitmaskRowsMultiplyDroppedWeightsToo) {
  Problem p(3, 64, 1);
  p.zero_block(0, 5, 1, 1);
  p.x[5] = INFINITY;
  for (const auto dtype : kDtypes) {
    const auto y = product<Bitmask>(p, dtype);
    EXPECT_TRUE(std::isnan(y[0]));
    EXPECT_TRUE(std::isinf(y[1]));
  }
}

COPPICE_TEST_ON_EVERY_TARGET(SingleInput);

} // namespace
} // namespace coppice::kernels::compressed_rows_test
