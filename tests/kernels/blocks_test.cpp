#include <gtest/gtest.h>

#include "kernels/input_blocks.h"
#include "kernels/output_blocks.h"
#include "kernels/transpose.h"
#include "support/products.h"
#include "support/targets.h"

namespace coppice::kernels::blocks_test {
namespace {

using testing::as_stored;
using testing::Expected;
using testing::kDtypes;
using testing::kOddShapes;
using testing::Problem;

class Blocks : public testing::OnEveryTarget {};

std::vector<float>
output_product(const Problem& p, size_t height, Dtype dtype, size_t parts = 1) {
  const auto packed =
      pack_output_blocks(p.w.data(), p.rows, p.cols, height, {dtype});
  std::vector<float> x(transposed_size(p.batch, p.cols) + 1);
  if (p.batch == 1) {
    std::copy(p.x.begin(), p.x.end(), x.begin() + 1);
  } else {
    transpose_batch(p.x.data(), p.batch, p.cols, {0, p.cols}, x.data() + 1);
  }
  std::vector<float> y(p.batch * p.rows, NAN);
  for (size_t part = 0; part < parts; ++part) {
    output_blocks_product(
        packed,
        x.data() + 1,
        p.batch,
        p.bias.data(),
        balanced_range(packed.begins.data(), packed.panels, part, parts),
        y.data());
  }
  return y;
}

std::vector<float>
input_product(const Problem& p, size_t width, Dtype dtype, size_t parts = 1) {
  const auto packed =
      pack_input_blocks(p.w.data(), p.rows, p.cols, width, {dtype});
  // Of the exact size, so that sanitizers detect overruns.
  const std::vector<float> x = p.x;
  std::vector<float> y(p.rows, NAN);
  for (size_t part = 0; part < parts; ++part) {
    input_blocks_product(
        packed,
        x.data(),
        p.bias.data(),
        balanced_range(packed.begins.data(), p.rows, part, parts),
        y.data());
  }
  return y;
}

TEST_P(Blocks, OfOutputsMultiplyEveryShapeSparsityAndBatch) {
  for (const auto& shape : kOddShapes) {
    for (const size_t height : {4, 8, 16}) {
      for (const double sparsity : {0.0, 0.5, 0.9, 1.0}) {
        for (const size_t batch : {0, 1, 2, 5, 8, 15, 16, 37}) {
          const auto p =
              Problem(shape.rows, shape.cols, batch).drop(sparsity, height, 1);
          for (const auto dtype : kDtypes) {
            ASSERT_NO_FATAL_FAILURE(expect_close(
                output_product(p, height, dtype),
                Expected(as_stored(p, dtype))))
                << shape.rows << 'x' << shape.cols << " batch " << batch;
          }
        }
      }
    }
  }
}

TEST_P(Blocks, OfInputsMultiplyEveryShapeAndSparsity) {
  for (const auto& shape : kOddShapes) {
    for (const size_t width : {4, 8, 16}) {
      for (const double sparsity : {0.0, 0.5, 0.9, 1.0}) {
        const auto p =
            Problem(shape.rows, shape.cols, 1).drop(sparsity, 1, width);
        for (const auto dtype : kDtypes) {
          ASSERT_NO_FATAL_FAILURE(expect_close(
              input_product(p, width, dtype), Expected(as_stored(p, dtype))))
              << shape.rows << 'x' << shape.cols << ' ' << width;
        }
      }
    }
  }
}

TEST_P(Blocks, GiveTheSameBitsForAnySplitOfTheRows) {
  const auto outputs = Problem(131, 257, 11).drop(0.7, 8, 1);
  const auto inputs = Problem(131, 257, 1).drop(0.7, 1, 4);
  for (const auto dtype : kDtypes) {
    const auto whole_outputs = output_product(outputs, 8, dtype);
    const auto whole_inputs = input_product(inputs, 4, dtype);
    for (const size_t parts : {2, 3, 7, 200}) {
      EXPECT_TRUE(testing::same_bits(
          output_product(outputs, 8, dtype, parts), whole_outputs));
      EXPECT_TRUE(testing::same_bits(
          input_product(inputs, 4, dtype, parts), whole_inputs));
    }
  }
}

TEST_P(Blocks, UnpackBitForBit) {
  for (const auto& shape : kOddShapes) {
    const auto p = Problem(shape.rows, shape.cols, 1);
    for (const size_t size : {4, 8, 16}) {
      for (const auto dtype : kDtypes) {
        const auto tall = Problem(p).drop(0.5, size, 1);
        std::vector<float> unpacked(p.w.size(), NAN);
        unpack(
            pack_output_blocks(tall.w.data(), p.rows, p.cols, size, {dtype}),
            unpacked.data());
        EXPECT_TRUE(testing::same_bits(unpacked, as_stored(tall.w, dtype)));
        const auto wide = Problem(p).drop(0.5, 1, size);
        unpack(
            pack_input_blocks(wide.w.data(), p.rows, p.cols, size, {dtype}),
            unpacked.data());
        EXPECT_TRUE(testing::same_bits(unpacked, as_stored(wide.w, dtype)));
      }
    }
  }
}

TEST_P(Blocks, StoreNoBlockThatIsRoundedToZero) {
  const std::vector<float> w(64, -1e-45f);
  const Packing packing{Dtype::BFloat16};
  EXPECT_EQ(pack_input_blocks(w.data(), 4, 16, 4, packing).values.size(), 0u);
  EXPECT_EQ(pack_output_blocks(w.data(), 4, 16, 4, packing).values.size(), 0u);
  EXPECT_EQ(pack_input_blocks(w.data(), 4, 16, 4).values.size(), 64u);
}

TEST_P(Blocks, NanAndInfinityReachJustTheBlocksThatWeighThem) {
  auto p = Problem(37, 130, 3).drop(0.8, 4, 1);
  p.x[5] = INFINITY;
  p.x[2 * p.cols + 100] = NAN;
  auto q = Problem(37, 130, 1).drop(0.8, 1, 4);
  q.x[129] = INFINITY;
  q.x[64] = NAN;
  for (const auto dtype : kDtypes) {
    expect_close(output_product(p, 4, dtype), Expected(as_stored(p, dtype)));
    expect_close(input_product(q, 4, dtype), Expected(as_stored(q, dtype)));
  }
}

COPPICE_TEST_ON_EVERY_TARGET(Blocks);

} // namespace
} // namespace coppice::kernels::blocks_test
